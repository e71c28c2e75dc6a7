// What a container of a rendered pod is given: its environment, and the files that are mounted for it.
import type { Manifest } from './rendered.js'

type KeyReference = { name: string; key: string }
type Item = { key: string; path: string }
type SecretSource = { secretName?: string; name?: string; items?: Item[] }
export type Volume = {
  name: string
  secret?: SecretSource
  configMap?: { name: string; items?: Item[] }
  projected?: { sources: { secret?: SecretSource; configMap?: { name: string; items?: Item[] } }[] }
  persistentVolumeClaim?: { claimName: string }
}
export type Container = {
  name: string
  image: string
  args?: string[]
  ports?: { name: string; containerPort: number }[]
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef: KeyReference } }[]
  envFrom?: { configMapRef?: { name: string }; secretRef?: { name: string } }[]
  volumeMounts?: { name: string; mountPath: string; subPath?: string }[]
}
export type Pod = { containers: Container[]; initContainers?: Container[]; volumes?: Volume[] }

/** What Secrets and ConfigMaps hold: their name → key → text. */
export type Held = Map<string, Record<string, string>>
export type Holders = { secrets: Held; configMaps: Held }

const WORKLOADS = ['Deployment', 'StatefulSet', 'Job']

export function podsOf(manifests: Manifest[]): [name: string, pod: Pod, labels: Record<string, string>][] {
  const workloads = manifests.filter(({ kind }) => WORKLOADS.includes(kind))
  return workloads.map(({ metadata, spec }) => {
    const { template } = spec as { template: { spec: Pod; metadata: { labels: Record<string, string> } } }
    return [metadata.name, template.spec, template.metadata.labels]
  })
}

export function heldBy(manifests: Manifest[], kind: 'Secret' | 'ConfigMap'): Held {
  const holders = manifests.filter((manifest) => manifest.kind === kind)
  const decode = kind === 'Secret' ? (text: string) => Buffer.from(text, 'base64').toString('utf8') : String
  const dataOf = ({ data }: Manifest) =>
    Object.entries(data as Record<string, string>).map(([key, value]) => [key, decode(value)] as const)
  return new Map(holders.map((holder) => [holder.metadata.name, Object.fromEntries(dataOf(holder))]))
}

type Source = { kind: 'secrets' | 'configMaps'; name: string; items?: Item[] | undefined }

/** The Secrets and ConfigMaps that a volume is made of. */
export function sourcesOf({ secret, configMap, projected }: Volume): Source[] {
  return [{ secret, configMap }, ...(projected?.sources ?? [])].flatMap((source) => [
    ...(source.secret ? [sourceOf('secrets', source.secret)] : []),
    ...(source.configMap ? [sourceOf('configMaps', source.configMap)] : []),
  ])
}

function sourceOf(kind: Source['kind'], { secretName, name, items }: SecretSource): Source {
  return { kind, name: secretName ?? name ?? '', items }
}

/** Path → text of every file that Secrets and ConfigMaps put into the container. */
export function filesOf(pod: Pod, { volumeMounts = [] }: Container, holders: Holders): Map<string, string> {
  const files = volumeMounts.flatMap(({ name, mountPath, subPath }) => {
    const volume = pod.volumes?.find((each) => each.name === name)
    const held = volume ? sourcesOf(volume).flatMap((source) => contentOf(source, holders)) : []
    if (subPath === undefined) return held.map(([path, text]) => [`${mountPath}/${path}`, text] as const)
    return held.filter(([path]) => path === subPath).map(([, text]) => [mountPath, text] as const)
  })
  return new Map(files)
}

function contentOf({ kind, name, items }: Source, holders: Holders): [path: string, text: string][] {
  const held = holders[kind].get(name) ?? {}
  const wanted = items ?? Object.keys(held).map((key) => ({ key, path: key }))
  return wanted.flatMap(({ key, path }) => (held[key] === undefined ? [] : [[path, held[key]]]))
}

/** Of variables that it shares with others. */
export function sharedEnvironment({ envFrom = [] }: Container, holders: Holders): Record<string, string> {
  const parts = envFrom.map(({ configMapRef, secretRef }) =>
    configMapRef ? holders.configMaps.get(configMapRef.name) : holders.secrets.get(secretRef?.name ?? ''),
  )
  return Object.assign({}, ...parts) as Record<string, string>
}

export function ownEnvironment({ env = [] }: Container, { secrets }: Holders): Record<string, string> {
  const valueOf = ({ value, valueFrom }: NonNullable<Container['env']>[number]) =>
    value ?? secrets.get(valueFrom?.secretKeyRef.name ?? '')?.[valueFrom?.secretKeyRef.key ?? '']
  return Object.fromEntries(env.map((entry) => [entry.name, valueOf(entry) ?? '']))
}
