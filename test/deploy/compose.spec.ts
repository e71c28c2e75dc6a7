import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { makeSecrets, removeSecrets, type MadeSecrets } from './made-secrets.js'
import { REPOSITORY } from './rendered.js'
import { faultsOf, schemaOf, SERVICES } from './settings.js'

type Service = {
  image: string
  build?: { target: string; dockerfile: string }
  command?: string[]
  user?: string
  read_only?: boolean
  cap_drop?: string[]
  security_opt?: string[]
  env_file?: string[]
  environment?: Record<string, string>
  secrets?: string[]
  volumes?: string[]
  networks?: string[]
  depends_on?: Record<string, { condition: string }>
}
type Compose = {
  services: Record<string, Service>
  secrets: Record<string, { file: string }>
  networks: Record<string, { internal?: boolean }>
}

const FOLDER = join(REPOSITORY, 'deploy', 'compose')
const compose = parse(readFileSync(join(FOLDER, 'compose.yaml'), 'utf8'), { merge: true }) as Compose
const services = Object.entries(compose.services)
const ours = services.filter(([, { image }]) => image.startsWith('careseal/'))
const conditions = ['service_started', 'service_healthy', 'service_completed_successfully']

let made: MadeSecrets
beforeAll(() => void (made = makeSecrets()))
afterAll(() => removeSecrets(made))

// As Compose replaces them: from `.env`, else the default.
function interpolated(text: string): string {
  return text.replaceAll(/\$\{(\w+)(?::([?-])([^}]*))?\}/g, (_whole, name: string, kind: string, rest: string) => {
    const value = made.variables('.env')[name]
    if (value === undefined && kind !== '-') throw new Error(`.env has no ${name}`)
    return value ?? rest
  })
}

function environmentOf(service: Service): Record<string, string> {
  const fromFiles = (service.env_file ?? []).map((file) => made.variables(file))
  const own = Object.entries(service.environment ?? {}).map(([name, value]) => [name, interpolated(String(value))])
  return Object.assign({}, ...fromFiles, Object.fromEntries(own)) as Record<string, string>
}

// The sequencer reads its policy while it reads its environment, so the file has to be where the variable says.
function withPolicyAtHand(service: Service): Record<string, string> {
  const { LEDGER_POLICY_FILE: inContainer, ...environment } = environmentOf(service)
  if (inContainer === undefined) return environment
  const mount = service.volumes?.find((volume) => volume.split(':')[1] === inContainer)
  return { ...environment, LEDGER_POLICY_FILE: mount ? join(FOLDER, mount.split(':')[0] as string) : inContainer }
}

function hostOf(url: string): { host: string; port: string } {
  const { hostname: host, port } = new URL(url)
  return { host, port }
}

const isMade = (path: string) => /^\.\/(secrets|state)\//.test(path)
const isThere = (path: string) => existsSync(join(isMade(path) ? made.folder : FOLDER, path))

describe('compose.yaml', () => {
  it('runs the five services, each after its migration', () => {
    for (const name of SERVICES) {
      expect(compose.services[name]?.image, name).toMatch(new RegExp(`^careseal/${name}:\\d`))
      expect(compose.services[`migrate-${name}`]?.build?.target, name).toBe(name)
    }
  })

  it('waits only for services that exist, in ways that there are', () => {
    const waits = services.flatMap(([, { depends_on = {} }]) => Object.entries(depends_on))
    expect(waits.length).toBeGreaterThan(10)
    expect(waits.filter(([name]) => !Object.hasOwn(compose.services, name))).toEqual([])
    expect(waits.filter(([, { condition }]) => !conditions.includes(condition))).toEqual([])
  })

  it('builds targets that the Containerfile has', () => {
    const containerfile = readFileSync(join(REPOSITORY, 'deploy', 'images', 'Containerfile'), 'utf8')
    const targets = [...containerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, name]) => name)
    const wanted = services.flatMap(([, { build }]) => (build ? [build.target] : []))
    expect(wanted.toSorted()).toEqual(SERVICES.toSorted())
    expect(wanted.filter((target) => !targets.includes(target))).toEqual([])
  })

  it('uses every secret that it defines, and no other', () => {
    const used = services.flatMap(([, { secrets = [] }]) => secrets)
    expect([...new Set(used)].toSorted()).toEqual(Object.keys(compose.secrets).toSorted())
  })

  it('names only files that are in the repository or that make-secrets.mjs makes', () => {
    const files = [
      ...Object.values(compose.secrets).map(({ file }) => file),
      ...services.flatMap(([, { env_file = [] }]) => env_file),
      ...services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] as string)),
    ]
    expect(files.length).toBeGreaterThan(20)
    expect(files.filter((file) => !isThere(file))).toEqual([])
  })

  it('gives each program of ours every variable that it needs, and none that it does not know', () => {
    const faults = ours.flatMap(([name, service]) => {
      const app = (service.image.split(/[/:]/) as [string, string])[1]
      const schema = schemaOf(app, service.command?.[0] ?? 'main.js')
      return faultsOf(schema, withPolicyAtHand(service)).map((fault) => `${name}: ${fault}`)
    })
    expect(faults).toEqual([])
    expect(ours).toHaveLength(13)
  })

  it('mounts the secret of every file that a variable names', () => {
    const dangling = ours.flatMap(([name, service]) =>
      Object.values(environmentOf(service))
        .filter((value) => value.startsWith('/run/secrets/'))
        .filter((path) => !service.secrets?.includes(path.slice('/run/secrets/'.length)))
        .map((path) => `${name}: ${path}`),
    )
    expect(dangling).toEqual([])
  })

  it('gives every URL of a service a host and port that are there', () => {
    const ports: Record<string, string> = { nats: '4222', postgres: '5432', gateway: '8081', 'ledger-signer': '8443' }
    const urls = ours.flatMap(([name, service]) =>
      Object.values(environmentOf(service))
        .filter((value) => URL.canParse(value) && !value.startsWith(made.variables('.env')['PUBLIC_ORIGIN'] ?? ''))
        .map((value) => ({ name, ...hostOf(value) })),
    )
    expect(urls.filter(({ host, port }) => !compose.services[host] || port !== (ports[host] ?? '8080'))).toEqual([])
    expect(urls.length).toBeGreaterThan(25)
  })

  it('lets the two sequencers alone reach the signer, which reaches nobody', () => {
    const onNetwork = services.filter(([, { networks = ['default'] }]) => networks.includes('signer'))
    expect(onNetwork.map(([name]) => name)).toEqual(['ledger-signer', 'ledger-sequencer', 'ledger-sequencer-2'])
    expect(compose.services['ledger-signer']?.networks).toEqual(['signer'])
    expect(compose.networks['signer']).toEqual({ internal: true })
    const [, first, second] = onNetwork.map(([, service]) => service)
    expect(second).toEqual(first)
  })

  it('mounts the memory of the signer for the signer and for `ledger init`, and for nobody else', () => {
    const mounting = services.filter(([, { volumes = [] }]) => volumes.some((one) => one.startsWith('./state/signer')))
    expect(mounting.map(([name]) => name)).toEqual(['ledger-init', 'ledger-signer'])
  })

  it('lets no container be root, write its own files or gain rights', () => {
    for (const [name, service] of services) {
      expect(service, name).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      })
      expect(interpolated(service.user ?? '0:0'), name).not.toMatch(/^0/)
    }
  })
})
