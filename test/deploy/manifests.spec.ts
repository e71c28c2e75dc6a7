import { existsSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { render, SCHEMAS, schemaChecker, type Manifest } from './rendered.js'

type Container = {
  name: string
  image: string
  ports?: { name: string; containerPort: number }[]
  resources?: { requests?: object; limits?: { memory?: string } }
  securityContext?: { allowPrivilegeEscalation?: boolean; readOnlyRootFilesystem?: boolean; capabilities?: object }
  readinessProbe?: object
  livenessProbe?: object
  startupProbe?: object
  env?: { name: string; valueFrom?: { secretKeyRef?: { name: string } } }[]
}
type PodTemplate = {
  metadata: { labels: Record<string, string> }
  spec: {
    automountServiceAccountToken?: boolean
    securityContext?: { runAsNonRoot?: boolean; seccompProfile?: { type: string } }
    containers: Container[]
    initContainers?: Container[]
  }
}

const SERVICES = ['identity', 'consent', 'records', 'audit', 'ledger-sequencer']
const workloads = ['Deployment', 'StatefulSet', 'Job']
const podOf = (manifest: Manifest) => (manifest.spec as { template: PodTemplate }).template
// The restricted standard allows this one capability, without which Caddy's program does not start.
const capabilitiesOf = (image: string) => ({
  drop: ['ALL'],
  ...(image.startsWith('caddy:') ? { add: ['NET_BIND_SERVICE'] } : {}),
})
const outside = (selector: Record<string, string>) => 'k8s-app' in selector
const nameOf = (manifest: Manifest) => `${manifest.kind} ${manifest.metadata.name}`

describe('the manifests of overlay dev', () => {
  let manifests: Manifest[]
  beforeAll(async () => {
    manifests = await render('deploy/k8s/overlays/dev')
  }, 120_000)

  it.skipIf(!existsSync(SCHEMAS))('fit the strict schemas of Kubernetes 1.35', () => {
    const check = schemaChecker()
    const faults = manifests.flatMap((manifest) => check(manifest).map((fault) => `${nameOf(manifest)}: ${fault}`))
    expect(faults).toEqual([])
  })

  it.skipIf(!existsSync(SCHEMAS))('would be refused for a misspelt probe', () => {
    const broken = structuredClone(manifests.find((manifest) => manifest.kind === 'Deployment') as Manifest)
    Object.assign(podOf(broken).spec.containers[0] as object, { livenessprobe: {} })
    expect(schemaChecker()(broken).join()).toContain('additional properties')
  })

  it('hold the five services, the signer and the ledger’s front, and nothing of another namespace', () => {
    const namesOf = (kind: string) =>
      manifests.filter((manifest) => manifest.kind === kind).map((manifest) => manifest.metadata.name)
    expect(namesOf('Deployment').toSorted()).toEqual(['audit', 'consent', 'identity', 'ledger-front', 'records'])
    expect(namesOf('StatefulSet').toSorted()).toEqual(['ledger-sequencer', 'ledger-signer', 'nats', 'postgres'])
    const namespaced = manifests.filter((manifest) => manifest.kind !== 'Namespace')
    expect(new Set(namespaced.map((manifest) => manifest.metadata.namespace))).toEqual(new Set(['careseal-dev']))
  })

  it('meet the restricted Pod Security standard', () => {
    for (const manifest of manifests.filter((each) => workloads.includes(each.kind))) {
      const { spec } = podOf(manifest)
      expect(spec.automountServiceAccountToken, nameOf(manifest)).toBe(false)
      expect(spec.securityContext, nameOf(manifest)).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      })
      for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
        expect(container.securityContext, `${nameOf(manifest)}/${container.name}`).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: capabilitiesOf(container.image),
        })
      }
    }
  })

  it('give each long-running container probes, resources and an image with a version', () => {
    for (const manifest of manifests.filter((each) => ['Deployment', 'StatefulSet'].includes(each.kind))) {
      for (const container of podOf(manifest).spec.containers) {
        const name = `${nameOf(manifest)}/${container.name}`
        expect(Object.keys(container), name).toEqual(
          expect.arrayContaining(['startupProbe', 'readinessProbe', 'livenessProbe']),
        )
        expect(container.resources?.requests, name).toBeDefined()
        expect(container.resources?.limits?.memory, name).toBeDefined()
        expect(container.image, name).toMatch(/:\d+(\.\d+)+$/)
      }
    }
  })

  it('select pods that exist, by services and by network policies', () => {
    const pods = manifests.filter((each) => workloads.includes(each.kind)).map((each) => podOf(each).metadata.labels)
    const matches = (selector: Record<string, string>) =>
      pods.some((labels) => Object.entries(selector).every(([key, value]) => labels[key] === value))
    const selectors = JSON.stringify(manifests).matchAll(/"podSelector":\{"matchLabels":(\{[^}]*\})/g)
    const ofPolicies = [...selectors].map(([, json]) => JSON.parse(json as string) as Record<string, string>)
    const ofServices = manifests
      .filter((manifest) => manifest.kind === 'Service')
      .map((manifest) => manifest.spec?.['selector'] as Record<string, string>)
    const dangling = [...ofPolicies, ...ofServices].filter((selector) => !outside(selector) && !matches(selector))
    expect(dangling).toEqual([])
    expect(ofPolicies.length).toBeGreaterThan(10)
  })

  it('deny all traffic that no policy names', () => {
    const policy = manifests.find((manifest) => nameOf(manifest) === 'NetworkPolicy default-deny')
    expect(policy?.spec).toMatchObject({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
    const covered = manifests
      .filter((manifest) => manifest.kind === 'NetworkPolicy')
      .map((manifest) => manifest.metadata.name)
    expect(covered).toEqual(expect.arrayContaining([...SERVICES, 'ledger-signer', 'ledger-front']))
  })

  it('run one signer and two sequencers, of which one at a time may be evicted', () => {
    const specs = Object.fromEntries(manifests.map((manifest) => [nameOf(manifest), manifest.spec]))
    expect(specs['StatefulSet ledger-signer']).toMatchObject({ replicas: 1 })
    expect(specs['StatefulSet ledger-sequencer']).toMatchObject({ replicas: 2, podManagementPolicy: 'Parallel' })
    expect(specs['PodDisruptionBudget ledger-sequencer']).toMatchObject({ maxUnavailable: 1 })
  })

  it('call a sequencer ready that answers reads, for a standby never seals', () => {
    const sequencer = manifests.find((manifest) => nameOf(manifest) === 'StatefulSet ledger-sequencer') as Manifest
    expect(podOf(sequencer).spec.containers[0]).toMatchObject({
      readinessProbe: { httpGet: { path: '/ledger/status' } },
      livenessProbe: { httpGet: { path: '/livez' } },
    })
  })

  it('route every public prefix to a service that exists', () => {
    const services = new Set(manifests.filter((each) => each.kind === 'Service').map((each) => each.metadata.name))
    const route = manifests.find((manifest) => manifest.kind === 'HTTPRoute')
    const rules = (route as Manifest & { spec: { rules: { backendRefs: { name: string }[]; matches: object[] }[] } })
      .spec.rules
    expect(rules.flatMap((rule) => rule.backendRefs).filter((backend) => !services.has(backend.name))).toEqual([])
    for (const prefix of ['/fhir', '/auth', '/ledger', '/audit', '/docs']) {
      expect(JSON.stringify(rules)).toContain(`"value":"${prefix}"`)
    }
  })
})
