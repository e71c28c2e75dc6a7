// Overlay dev as kustomize renders it, with the secrets that make-secrets.mjs makes for it.
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeSecrets } from './made-secrets.js'
import { heldBy, ownEnvironment, podsOf, sharedEnvironment, type Container, type Holders } from './mounted.js'
import { render, REPOSITORY, type Manifest } from './rendered.js'
import { schemaOf } from './settings.js'

export type DevOverlay = { manifests: Manifest[]; holders: Holders; secretManifests: Manifest[] }

export async function renderDevOverlay(): Promise<DevOverlay> {
  const folder = mkdtempSync(join(tmpdir(), 'careseal-dev-secrets-'))
  try {
    cpSync(join(REPOSITORY, 'deploy', 'k8s', 'dev-secrets', 'kustomization.yaml'), join(folder, 'kustomization.yaml'))
    makeSecrets(folder)
    const manifests = await render('deploy/k8s/overlays/dev')
    const secretManifests = await render(folder)
    const holders = { secrets: heldBy(secretManifests, 'Secret'), configMaps: heldBy(manifests, 'ConfigMap') }
    return { manifests, holders, secretManifests }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Every container with the name of its workload before its own. */
export function containersOf(manifests: Manifest[]): [name: string, container: Container][] {
  return podsOf(manifests).flatMap(([name, { initContainers = [], containers }]) =>
    [...initContainers, ...containers].map((one) => [`${name}/${one.name}`, one] as [string, Container]),
  )
}

export const isOurs = ({ image }: Container) => image.startsWith('careseal/')

/** The schema of what it runs. Throws for a program that is not known. */
export function schemaFor({ image, args }: Container) {
  const app = (image.split(/[/:]/) as [string, string])[1]
  return schemaOf(app, args?.[0] ?? '')
}

/** Its own variables, and of the shared ones those that its program knows. */
export function environmentFor(container: Container, holders: Holders): Record<string, string> {
  const { shape } = schemaFor(container)
  const known = Object.entries(sharedEnvironment(container, holders)).filter(([key]) => Object.hasOwn(shape, key))
  return { ...Object.fromEntries(known), ...ownEnvironment(container, holders) }
}
