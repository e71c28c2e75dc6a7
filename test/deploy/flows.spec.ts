// Who may reach whom, as the network policies of overlay dev have it: what the settings name, and nothing beyond.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { environmentFor, isOurs, renderDevOverlay, type DevOverlay } from './dev-overlay.js'
import { ownEnvironment, podsOf, type Container } from './mounted.js'
import { render, REPOSITORY, type Manifest } from './rendered.js'

type Labels = Record<string, string>
type Peer = { podSelector?: { matchLabels?: Labels }; namespaceSelector?: object; ipBlock?: { cidr: string } }
type Rule = { from?: Peer[]; to?: Peer[]; ports: { port: number }[] }
type Policy = { podSelector: { matchLabels?: Labels }; ingress?: Rule[]; egress?: Rule[] }
type Service = { selector: Labels; ports: { port: number; targetPort: string }[] }
/** `from → to:port`. */
type Flow = string

let overlay: DevOverlay
beforeAll(async () => void (overlay = await renderDevOverlay()), 120_000)

const labelled = (label: string) => JSON.stringify({ matchLabels: { [`careseal.dev/${label}`]: 'true' } })

const selects = ({ matchLabels = {} }: { matchLabels?: Labels }, labels: Labels) =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value)

const specsOf = <T>(manifests: Manifest[], kind: string) =>
  manifests
    .filter((manifest) => manifest.kind === kind)
    .map(({ metadata, spec }) => [metadata.name, spec as T] as const)

// A peer with a namespace selector is of another namespace, and one with an address of none.
function names(peers: Peer[] = [], labels: Labels): boolean {
  return peers.some((peer) => !peer.namespaceSelector && peer.podSelector && selects(peer.podSelector, labels))
}

function rulesOf(manifests: Manifest[], labels: Labels, way: 'ingress' | 'egress'): Rule[] {
  const policies = specsOf<Policy>(manifests, 'NetworkPolicy').map(([, policy]) => policy)
  return policies.filter(({ podSelector }) => selects(podSelector, labels)).flatMap((policy) => policy[way] ?? [])
}

type NamedPod = { name: string; labels: Labels }

/** What both ends admit. */
function admittedFlows(
  manifests: Manifest[],
  pods: NamedPod[] = podsOf(manifests).map(([name, , labels]) => ({ name, labels })),
): Flow[] {
  const targets = podsOf(manifests).map(([name, , labels]) => ({ name, labels }))
  return pods.flatMap((from) =>
    targets.flatMap((to) => {
      const out = rulesOf(manifests, from.labels, 'egress').filter((rule) => names(rule.to, to.labels))
      const into = rulesOf(manifests, to.labels, 'ingress').filter((rule) => names(rule.from, from.labels))
      const taken = new Set(into.flatMap(({ ports }) => ports.map(({ port }) => port)))
      const ports = out.flatMap((rule) => rule.ports.map(({ port }) => port)).filter((port) => taken.has(port))
      return ports.map((port) => `${from.name} → ${to.name}:${port}`)
    }),
  )
}

/** Of every URL in the settings of a workload the flow that it needs. */
function neededFlows({ manifests, holders }: DevOverlay): Flow[] {
  const services = new Map(specsOf<Service>(manifests, 'Service'))
  const pods = podsOf(manifests)
  const addressesOf = (container: Container) => {
    const values = isOurs(container) ? environmentFor(container, holders) : ownEnvironment(container, holders)
    const { PUBLIC_ORIGIN: _outside, ...inside } = values
    return Object.values(inside).flatMap((value) => value.split(' ').flatMap(addressIn))
  }
  const flows = pods.flatMap(([name, pod]) =>
    [...(pod.initContainers ?? []), ...pod.containers].flatMap(addressesOf).map(({ host, port }) => {
      const service = services.get(host.split('.').at(-1) ?? '')
      const number = service?.ports.find((each) => each.port === port)
      const target = pods.find(([, , labels]) => service && selects({ matchLabels: service.selector }, labels))
      if (!number || !target) throw new Error(`${name} is told ${host}:${port}, where nobody listens`)
      const listening = target[1].containers.flatMap(({ ports = [] }) => ports)
      const { containerPort } = listening.find((each) => each.name === number.targetPort) as { containerPort: number }
      return `${name} → ${target[0]}:${containerPort}`
    }),
  )
  return [...new Set(flows)].toSorted()
}

function addressIn(value: string): { host: string; port: number }[] {
  const [, host, port] = /^(?:[a-z]+:\/\/(?:[^@/]*@)?)?([a-z][a-z0-9.-]*):(\d+)(?:\/|$)/.exec(value) ?? []
  return host === undefined ? [] : [{ host, port: Number(port) }]
}

/** The labels that a runbook gives to the pod of its job. */
function labelsIn(page: string): Labels {
  const text = readFileSync(join(REPOSITORY, 'docs', 'operations', page), 'utf8')
  const line = /^labels: .*$/m.exec(text)?.[0] ?? ''
  return (parse(line) as { labels?: Labels } | null)?.labels ?? {}
}

/** The port at which a witness of deploy/witness is reached: in a cluster, and with containers. */
async function witnessPorts(): Promise<number[]> {
  const cluster = specsOf<Service>(await render('deploy/witness'), 'Service').flatMap(([, { ports }]) => ports)
  const compose = readFileSync(join(REPOSITORY, 'deploy', 'witness', 'compose.yaml'), 'utf8')
  const published = /WITNESS_PORT:-(\d+)/.exec(compose)?.[1]
  return [...cluster.map(({ port }) => port), Number(published)]
}

describe('the network policies of overlay dev', () => {
  it('admit between workloads what their settings name, and nothing beyond', () => {
    expect(admittedFlows(overlay.manifests).toSorted()).toEqual(neededFlows(overlay))
  })

  it('let the sequencers alone reach the signer, and the signer reach nobody', () => {
    const ofSigner = admittedFlows(overlay.manifests).filter((flow) => flow.includes('ledger-signer'))
    expect(ofSigner).toEqual(['ledger-sequencer → ledger-signer:8443'])
  })

  it('let only the gateway in, to what it routes, and only the monitoring to metrics', () => {
    const foreign = specsOf<Policy>(overlay.manifests, 'NetworkPolicy').flatMap(([name, { ingress = [] }]) =>
      ingress.flatMap(({ from = [], ports }) =>
        from.flatMap(({ namespaceSelector }) =>
          namespaceSelector ? ports.map(({ port }) => `${JSON.stringify(namespaceSelector)} → ${name}:${port}`) : [],
        ),
      ),
    )
    const gateway = ['audit', 'identity', 'ledger-front', 'records']
    const measured = ['audit', 'consent', 'identity', 'ledger-sequencer', 'records']
    expect(foreign.toSorted()).toEqual([
      ...gateway.map((name) => `${labelled('gateway')} → ${name}:8080`),
      ...measured.map((name) => `${labelled('monitoring')} → ${name}:9090`),
    ])
  })

  it('let the sequencers out to witnesses at an address that is nobody’s, until an overlay names theirs', async () => {
    const ways = specsOf<Policy>(overlay.manifests, 'NetworkPolicy').flatMap(([name, { egress = [] }]) =>
      egress.flatMap(({ to = [], ports }) =>
        to.flatMap(({ ipBlock }) => (ipBlock ? ports.map(({ port }) => `${name}: ${ipBlock.cidr}:${port}`) : [])),
      ),
    )
    const ports = await witnessPorts()
    expect(ways).toEqual(ports.map((port) => `ledger-witnesses: 192.0.2.0/24:${port}`))
  }, 60_000)

  it.each([
    ['producer-rollback.md', ['postgres:5432', 'nats:4222', 'ledger-front:8080']],
    ['restore-ledger.md', ['postgres:5432', 'ledger-signer:8443']],
    ['successor-ledger.md', ['postgres:5432']],
  ])('let the job of %s out to what it needs, by the labels of that page', (page, needed) => {
    const admitted = admittedFlows(overlay.manifests, [{ name: 'job', labels: labelsIn(page) }])
    expect(admitted).toEqual(expect.arrayContaining(needed.map((target) => `job → ${target}`)))
  })

  it('let the job that restores the ledger out to its mirror, where the sequencers reach it', () => {
    const out = rulesOf(overlay.manifests, labelsIn('restore-ledger.md'), 'egress')
    expect(out.filter(({ to = [] }) => to.some(({ ipBlock }) => ipBlock))).toHaveLength(1)
  })
})
