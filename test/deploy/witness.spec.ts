// The witness that another organisation runs: what is in deploy/witness fits together, and starts with nothing that is
// still a placeholder.
import { sha256 } from '@careseal/crypto'
import { ED25519, formatVkey, vkeyOf } from '@careseal/ledger-core'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { ConfigWrong, loadConfig } from '../../apps/witness/src/config.js'
import { podsOf, type Pod } from './mounted.js'
import { render, REPOSITORY, schemaChecker, SCHEMAS, type Manifest } from './rendered.js'

type Service = { command: string[]; volumes: string[]; ports?: string[]; user: string; build?: { target: string } }

const FOLDER = join(REPOSITORY, 'deploy', 'witness')
const CONFIG = join(FOLDER, 'witness.json')
const vkey = formatVkey(
  vkeyOf(sha256, { name: 'careseal.example/dev', type: ED25519, publicKey: new Uint8Array(32).fill(7) }),
)
const folder = mkdtempSync(join(tmpdir(), 'careseal-witness-'))
const compose = parse(readFileSync(join(FOLDER, 'compose.yaml'), 'utf8'), { merge: true }) as {
  services: Record<string, Service>
}

let manifests: Manifest[]
beforeAll(async () => void (manifests = await render('deploy/witness')), 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The configuration with a key in the place of the placeholder. */
function configured() {
  const file = join(folder, 'witness.json')
  const given = JSON.parse(readFileSync(CONFIG, 'utf8')) as { logs: object[] }
  writeFileSync(file, JSON.stringify({ ...given, logs: given.logs.map((log) => ({ ...log, vkeys: [vkey] })) }))
  return loadConfig(file)
}

const pathsIn = ({ keyFiles, stateDir, listen: { tls } }: ReturnType<typeof configured>) => [
  ...keyFiles,
  stateDir,
  tls?.keyFile ?? '',
  tls?.certFile ?? '',
]
const isBelow = (folders: string[]) => (path: string) => folders.some((each) => path.startsWith(`${each}/`))

describe('the configuration of a witness', () => {
  it('is refused until somebody has put the vkey of the log into it, and is whole then', () => {
    expect(() => loadConfig(CONFIG)).toThrow(ConfigWrong)
    expect(() => loadConfig(CONFIG)).toThrow(/logs\.0\.vkeys\.0: is no vkey of an Ed25519 key$/)
    expect(configured().logs[0]?.vkeys).toEqual([vkey])
  })
})

describe('a witness in Kubernetes', () => {
  it.skipIf(!existsSync(SCHEMAS))('fits the strict schemas', () => {
    const check = schemaChecker()
    expect(manifests.flatMap((manifest) => check(manifest).map((fault) => `${manifest.kind}: ${fault}`))).toEqual([])
  })

  it('is one pod with a volume, a service and its policies, and nothing else', () => {
    const kinds = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name.replace(/-[a-z0-9]{10}$/, '')}`)
    expect(kinds.toSorted()).toEqual([
      'ConfigMap witness',
      'Namespace careseal-witness',
      'NetworkPolicy default-deny',
      'NetworkPolicy witness',
      'Service witness',
      'StatefulSet witness',
    ])
    const set = manifests.find(({ kind }) => kind === 'StatefulSet')
    expect(set?.spec).toMatchObject({ replicas: 1, persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain' } })
  })

  it('meets the restricted Pod Security standard', () => {
    const [, pod] = podsOf(manifests)[0] as [string, Pod & Record<string, unknown>, object]
    expect(pod).toMatchObject({ automountServiceAccountToken: false })
    expect(pod['securityContext']).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
    for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
      expect(container).toMatchObject({
        image: expect.stringMatching(/^careseal\/witness:\d/) as string,
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      })
    }
  })

  it('begins and runs by the one file, on the port that probes and service name, with every path mounted', () => {
    const [, pod] = podsOf(manifests)[0] as [string, Pod, object]
    const [init, run] = [...(pod.initContainers ?? []), ...pod.containers]
    expect(init?.args).toEqual(['main.js', 'init', '--config', '/etc/careseal/witness/witness.json'])
    expect(run?.args).toEqual(['main.js', 'run', '--config', '/etc/careseal/witness/witness.json'])
    expect(init?.volumeMounts).toEqual(run?.volumeMounts)
    expect(run?.ports).toMatchObject([{ name: 'https', containerPort: configured().listen.port }])
    const mounts = (run?.volumeMounts ?? []).map(({ mountPath }) => mountPath)
    expect(pathsIn(configured()).filter((path) => !isBelow(mounts)(path))).toEqual([])
  })

  it('admits anybody to its port, and lets it ask only the log that it mirrors', () => {
    const policies = manifests.filter(({ kind }) => kind === 'NetworkPolicy')
    const [deny, own] = policies.map(({ spec }) => spec)
    expect(deny).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
    expect(own).toMatchObject({ ingress: [{ ports: [{ port: 8443 }] }] })
    const [log, names] = (own?.['egress'] ?? []) as { to: object[]; ports: { port: number }[] }[]
    expect(log).toMatchObject({ to: [{ ipBlock: { cidr: '192.0.2.0/24' } }], ports: [{ port: 443 }] })
    expect(names?.ports.map(({ port }) => port)).toEqual([53, 53])
  })
})

describe('a witness with containers on one host', () => {
  it('begins and runs by the one file, with every path mounted', () => {
    const { init, witness } = compose.services as { init: Service; witness: Service }
    expect(init.command).toEqual(['main.js', 'init', '--config', '/etc/careseal/witness/witness.json'])
    expect(witness.command).toEqual(['main.js', 'run', '--config', '/etc/careseal/witness/witness.json'])
    expect(witness.volumes).toEqual(init.volumes)
    const mounts = witness.volumes.map((volume) => volume.split(':')[1] as string)
    expect(mounts).toContain('/etc/careseal/witness/witness.json')
    expect(pathsIn(configured()).filter((path) => !isBelow(mounts)(path))).toEqual([])
    expect(witness.ports?.[0]).toMatch(new RegExp(`:${configured().listen.port}$`))
  })

  it('is built from a target that the Containerfile has, and is never root by itself', () => {
    const containerfile = readFileSync(join(REPOSITORY, 'deploy', 'images', 'Containerfile'), 'utf8')
    const { init, witness } = compose.services as { init: Service; witness: Service }
    expect(containerfile).toContain(`AS ${init.build?.target}\n`)
    for (const service of [init, witness]) {
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        user: expect.stringContaining('${WITNESS_USER:?') as string,
      })
    }
  })
})
