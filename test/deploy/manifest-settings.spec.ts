import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeSecrets } from './made-secrets.js'
import { render, REPOSITORY, type Manifest } from './rendered.js'
import { faultsOf, isKnownToSome, schemaOf } from './settings.js'

type KeyReference = { name: string; key: string }
type Container = {
  name: string
  image: string
  args?: string[]
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef: KeyReference } }[]
  envFrom?: { configMapRef?: { name: string }; secretRef?: { name: string } }[]
  volumeMounts?: { name: string; mountPath: string }[]
}
type Pod = {
  containers: Container[]
  initContainers?: Container[]
  volumes?: { name: string; secret?: { secretName: string }; configMap?: { name: string } }[]
}
type Holder = Manifest & { data: Record<string, string> }

let manifests: Manifest[]
let secrets: Map<string, Record<string, string>>
let configMaps: Map<string, Record<string, string>>
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'careseal-dev-secrets-'))
  cpSync(join(REPOSITORY, 'deploy', 'k8s', 'dev-secrets', 'kustomization.yaml'), join(folder, 'kustomization.yaml'))
  makeSecrets(folder)
  manifests = await render('deploy/k8s/overlays/dev')
  configMaps = dataOf(manifests, 'ConfigMap')
  secrets = dataOf(await render(folder), 'Secret')
}, 120_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function dataOf(documents: Manifest[], kind: string): Map<string, Record<string, string>> {
  const holders = documents.filter((document) => document.kind === kind) as Holder[]
  const decode = kind === 'Secret' ? (text: string) => Buffer.from(text, 'base64').toString('utf8') : String
  const entriesOf = ({ data }: Holder) => Object.entries(data).map(([key, value]) => [key, decode(value)] as const)
  return new Map(holders.map((holder) => [holder.metadata.name, Object.fromEntries(entriesOf(holder))]))
}

function pods(): [name: string, pod: Pod][] {
  const workloads = manifests.filter(({ kind }) => ['Deployment', 'StatefulSet', 'Job'].includes(kind))
  return workloads.map(({ metadata, spec }) => [metadata.name, (spec as { template: { spec: Pod } }).template.spec])
}

function containers(): [name: string, container: Container][] {
  return pods().flatMap(([name, { initContainers = [], containers }]) =>
    [...initContainers, ...containers].map((one) => [`${name}/${one.name}`, one] as [string, Container]),
  )
}

function shared({ envFrom = [] }: Container): Record<string, string> {
  const parts = envFrom.map(({ configMapRef, secretRef }) =>
    configMapRef ? configMaps.get(configMapRef.name) : secrets.get(secretRef?.name ?? ''),
  )
  return Object.assign({}, ...parts) as Record<string, string>
}

function own({ env = [] }: Container): Record<string, string> {
  const valueOf = ({ value, valueFrom }: NonNullable<Container['env']>[number]) =>
    value ?? secrets.get(valueFrom?.secretKeyRef.name ?? '')?.[valueFrom?.secretKeyRef.key ?? '']
  return Object.fromEntries(env.map((entry) => [entry.name, valueOf(entry) ?? '']))
}

describe('the settings in the manifests of overlay dev', () => {
  it('hold each variable that a program needs, and of its own none that it does not know', () => {
    const ours = containers().filter(([, { image }]) => image.startsWith('careseal/'))
    const faults = ours.flatMap(([name, container]) => {
      const app = (container.image.split(/[/:]/) as [string, string])[1]
      const schema = schemaOf(app, container.args?.[0] ?? '')
      const known = Object.entries(shared(container)).filter(([key]) => Object.hasOwn(schema.shape, key))
      const environment = { ...Object.fromEntries(known), ...own(container) }
      return faultsOf(schema, environment).map((fault) => `${name}: ${fault}`)
    })
    expect(faults).toEqual([])
    expect(ours).toHaveLength(12)
  })

  it('share only variables that some service knows', () => {
    const [, settings] = [...configMaps].find(([name]) => name.startsWith('careseal-')) ?? []
    expect(Object.keys(settings ?? {}).filter((name) => !isKnownToSome(name))).toEqual([])
    expect(Object.keys(settings ?? {}).length).toBeGreaterThan(5)
  })

  it('refer to secrets and config maps that are made, and to keys that are in them', () => {
    const keys = containers().flatMap(([, { env = [] }]) =>
      env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []),
    )
    expect(keys.filter(({ name, key }) => !secrets.get(name)?.[key])).toEqual([])
    const froms = containers().flatMap(([, { envFrom = [] }]) => envFrom)
    const volumes = pods().flatMap(([, pod]) => pod.volumes ?? [])
    const ofSecrets = [
      ...froms.map(({ secretRef }) => secretRef?.name),
      ...volumes.map(({ secret }) => secret?.secretName),
    ]
    const ofMaps = [
      ...froms.map(({ configMapRef }) => configMapRef?.name),
      ...volumes.map((one) => one.configMap?.name),
    ]
    expect(ofSecrets.filter((name) => name !== undefined && !secrets.has(name))).toEqual([])
    expect(ofMaps.filter((name) => name !== undefined && !configMaps.has(name))).toEqual([])
    expect(keys.length + ofMaps.length).toBeGreaterThan(20)
  })

  it('name files that are in the secret mounted there', () => {
    const missing = pods().flatMap(([name, pod]) =>
      pod.containers.flatMap((container) =>
        Object.values(own(container))
          .filter((value) => value.startsWith('/etc/careseal/secret/'))
          .filter((path) => !secrets.get(name)?.[path.slice('/etc/careseal/secret/'.length)])
          .map((path) => `${name}: ${path}`),
      ),
    )
    expect(missing).toEqual([])
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
