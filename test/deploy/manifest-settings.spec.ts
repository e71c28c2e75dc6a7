import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { containersOf, environmentFor, isOurs, renderDevOverlay, schemaFor, type DevOverlay } from './dev-overlay.js'
import { filesOf, ownEnvironment, podsOf, sourcesOf } from './mounted.js'
import { schemaChecker, SCHEMAS } from './rendered.js'
import { faultsOf, isKnownToSome, schemaOf } from './settings.js'

let overlay: DevOverlay
let folder: string

beforeAll(async () => {
  overlay = await renderDevOverlay()
  folder = mkdtempSync(join(tmpdir(), 'careseal-policy-'))
}, 120_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

// The sequencer reads its policy while it reads its environment, so the file has to be where the variable says.
function withPolicyAtHand(environment: Record<string, string>, files: Map<string, string>): Record<string, string> {
  const path = environment['LEDGER_POLICY_FILE']
  if (path === undefined) return environment
  const copy = join(folder, 'policy.txt')
  writeFileSync(copy, files.get(path) ?? '')
  return { ...environment, LEDGER_POLICY_FILE: files.has(path) ? copy : path }
}

describe('the settings in the manifests of overlay dev', () => {
  it('hold each variable that a program needs, and of its own none that it does not know', () => {
    const { manifests, holders } = overlay
    const ours = podsOf(manifests).flatMap(([name, pod]) =>
      [...(pod.initContainers ?? []), ...pod.containers].filter(isOurs).map((container) => ({ name, pod, container })),
    )
    const faults = ours.flatMap(({ name, pod, container }) => {
      const files = filesOf(pod, container, holders)
      const environment = withPolicyAtHand(environmentFor(container, holders), files)
      return faultsOf(schemaFor(container), environment).map((fault) => `${name}/${container.name}: ${fault}`)
    })
    expect(faults).toEqual([])
    expect(ours).toHaveLength(13)
  })

  it('share only variables that some service knows', () => {
    const [, settings] = [...overlay.holders.configMaps].find(([name]) => name.startsWith('careseal-')) ?? []
    expect(Object.keys(settings ?? {}).filter((name) => !isKnownToSome(name))).toEqual([])
    expect(Object.keys(settings ?? {}).length).toBeGreaterThan(5)
  })

  it('refer to secrets and config maps that are made, and to keys that are in them', () => {
    const { manifests, holders } = overlay
    const references = containersOf(manifests).flatMap(([, { env = [], envFrom = [] }]) => [
      ...env.flatMap(({ valueFrom }) => (valueFrom ? [{ kind: 'secrets' as const, ...valueFrom.secretKeyRef }] : [])),
      ...envFrom.flatMap(({ secretRef }) => (secretRef ? [{ kind: 'secrets' as const, name: secretRef.name }] : [])),
      ...envFrom.flatMap(({ configMapRef: map }) => (map ? [{ kind: 'configMaps' as const, name: map.name }] : [])),
    ])
    const sources = podsOf(manifests).flatMap(([, pod]) => (pod.volumes ?? []).flatMap(sourcesOf))
    const items = sources.flatMap(({ kind, name, items: some }) => (some ?? []).map(({ key }) => ({ kind, name, key })))
    const all: { kind: 'secrets' | 'configMaps'; name: string; key?: string }[] = [...references, ...sources, ...items]
    const dangling = all.filter(({ kind, name, key }) => {
      const held = holders[kind].get(name)
      return !held || (key !== undefined && !held[key])
    })
    expect(dangling).toEqual([])
    expect(all.length).toBeGreaterThan(40)
  })

  it('name files that are mounted into the container', () => {
    const { manifests, holders } = overlay
    const named = podsOf(manifests).flatMap(([name, pod]) =>
      pod.containers.flatMap((container) => {
        const files = filesOf(pod, container, holders)
        const paths = Object.values(ownEnvironment(container, holders)).filter((path) => path.startsWith('/etc/'))
        return paths.map((path) => ({ where: `${name}: ${path}`, isThere: Boolean(files.get(path)) }))
      }),
    )
    expect(named.filter(({ isThere }) => !isThere)).toEqual([])
    expect(named.length).toBeGreaterThan(14)
  })

  it('give the private key of the signer’s certificate and the folder of its memory to nobody else', () => {
    const { manifests, holders } = overlay
    const key = holders.secrets.get('ledger-signer-tls')?.['tls.key']
    expect(key).toContain('PRIVATE KEY')
    const holdingKey = podsOf(manifests).filter(([, pod]) =>
      pod.containers.some((container) => [...filesOf(pod, container, holders).values()].includes(key ?? '')),
    )
    expect(holdingKey.map(([name]) => name)).toEqual(['ledger-signer'])
    const claiming = podsOf(manifests).filter(([, { volumes = [] }]) =>
      volumes.some(({ persistentVolumeClaim: claim }) => claim?.claimName === 'state-ledger-signer-0'),
    )
    expect(claiming.map(([name]) => name)).toEqual(['ledger-init'])
  })

  it.skipIf(!existsSync(SCHEMAS))('lie in secrets that fit the strict schemas of Kubernetes', () => {
    const check = schemaChecker()
    expect(overlay.secretManifests.flatMap(check)).toEqual([])
  })
})

describe('the check of settings', () => {
  it('names what is missing, wrong and unknown', () => {
    const faults = faultsOf(schemaOf('audit', 'migrate.js'), { MIGRATION_DATABASE_URL: 'mysql://h', DATABASE_URL: 'x' })
    expect(faults).toEqual([expect.stringContaining('MIGRATION_DATABASE_URL: '), 'unknown DATABASE_URL'])
    expect(faultsOf(schemaOf('records', 'main.js'), {}).join()).toContain('CONSENT_URL')
    expect(() => schemaOf('records', 'init.sh')).toThrow('nothing is known of records init.sh')
  })
})
