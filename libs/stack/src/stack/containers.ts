// NATS and Postgres in containers, for a stack that lives as long as a test. testcontainers is loaded only when asked
// for: nobody who runs the ledger natively needs it.
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import type { StartedTestContainer } from 'testcontainers'
import { freePort } from '../parts/port.js'
import type { ControlledNats, ControlledPart, PartsOptions } from './parts.js'

/** Images by preference: named by the environment, made here by `deploy/images/from-debian.sh`, or published. */
const IMAGES = {
  nats: { variable: 'CARESEAL_NATS_IMAGE', local: 'careseal-local/nats:latest', published: 'nats:2.12' },
  postgres: { variable: 'CARESEAL_POSTGRES_IMAGE', local: 'careseal-local/postgres:latest', published: 'postgres:18' },
}

const REAPER_IMAGE = 'testcontainers/ryuk'
const NATS_CONFIG = '/careseal-nats.conf'
const PULL_DEADLINE_MS = 60_000
const READY_DEADLINE_MS = 60_000

type Part = keyof typeof IMAGES
const chosen = new Map<Part, string>()

/** Thrown where parts cannot run in containers; the message says what is missing, `mend` what to do. */
export class ContainersUnavailable extends Error {
  constructor(
    readonly code: 'no-engine' | 'no-image',
    message: string,
    readonly mend: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** True when a container engine answers and both images are there or can be pulled. */
export async function areContainersAvailable(): Promise<boolean> {
  try {
    await findContainerImages()
    return true
  } catch {
    return false
  }
}

/** The images of both parts; missing ones are pulled unless told not to. Throws {@link ContainersUnavailable}. */
export async function findContainerImages({ pull = true } = {}): Promise<string[]> {
  return [await imageOf('nats', pull), await imageOf('postgres', pull)]
}

async function runtime() {
  const { getContainerRuntimeClient } = await import('testcontainers')
  const mend = 'start an engine on this machine (Docker or Podman), or set DOCKER_HOST to one'
  const client = await getContainerRuntimeClient().catch((cause: unknown) => {
    throw new ContainersUnavailable('no-engine', 'no container engine answers', mend, { cause })
  })
  // Ports are chosen here, and services ask for them here.
  const { host } = client.info.containerRuntime
  const { Name } = (await client.container.dockerode.info()) as { Name?: string }
  if (host === 'localhost' || Name === hostname()) return client
  throw new ContainersUnavailable('no-engine', `the container engine is on another machine (${host})`, mend)
}

async function imageOf(part: Part, pull = true): Promise<string> {
  const known = chosen.get(part)
  if (known) return known
  const { ImageName } = await import('testcontainers')
  const { image, container } = await runtime()
  const listed = await container.dockerode.listImages()
  letReaperBeAbsent(listed.flatMap(({ RepoTags }) => RepoTags ?? []))
  const { variable, local, published } = IMAGES[part]
  const named = process.env[variable]
  const wanted = named ?? ((await image.exists(ImageName.fromString(local))) ? local : published)
  const name = ImageName.fromString(wanted)
  if (!(await image.exists(name))) {
    const mend = `docker pull ${wanted}, or name another image in ${variable}`
    if (!pull) throw new ContainersUnavailable('no-image', `the container engine has no image ${wanted}`, mend)
    await within(PULL_DEADLINE_MS, image.pull(name)).catch((error: unknown) => {
      throw new ContainersUnavailable('no-image', `the image ${wanted} cannot be pulled`, mend, { cause: error })
    })
  }
  chosen.set(part, wanted)
  return wanted
}

// Where images are built and none can be pulled, the reaper's is missing, and without this nothing would start.
function letReaperBeAbsent(images: string[]): void {
  if (images.some((name) => name.includes(REAPER_IMAGE))) return
  process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true'
}

export async function startContainerPostgres(options: PartsOptions): Promise<ControlledPart> {
  const { GenericContainer, Wait } = await import('testcontainers')
  const port = await freePort()
  const image = await imageOf('postgres')
  const flags = ['max_connections=300', ...(options.durable ? [] : ['fsync=off'])]
  const container = await new GenericContainer(image)
    .withEnvironment({ POSTGRES_PASSWORD: options.superuserPassword })
    .withCommand(['postgres', ...flags.flatMap((flag) => ['-c', flag])])
    .withExposedPorts({ container: 5432, host: port })
    .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/))
    .start()
  const password = encodeURIComponent(options.superuserPassword)
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
  await acceptsConnections(url).catch(async (error: unknown) => {
    await container.stop()
    throw error
  })
  return control(url, container)
}

// The entry point starts the server once for itself, without TCP, and logs the same line then.
async function acceptsConnections(url: string): Promise<void> {
  const deadline = performance.now() + READY_DEADLINE_MS
  for (;;) {
    const client = new Client(url)
    client.on('error', () => {})
    const failure = await client.connect().then(
      () => null,
      (error: unknown) => error,
    )
    await client.end().catch(() => {})
    if (failure === null) return
    if (performance.now() > deadline) throw failure
    await delay(100)
  }
}

export async function startContainerNats(options: PartsOptions): Promise<ControlledNats> {
  const port = await freePort()
  let container = await launchNats(options, port)
  const part = control(`nats://127.0.0.1:${port}`, () => container)
  const wipe = async () => {
    await container.stop({ timeout: 0 })
    container = await launchNats(options, port)
  }
  const reload = () => void reloadNats(container, options).catch((error: unknown) => options.onCrash('nats', error))
  return Object.assign(part, { wipe, reload })
}

async function reloadNats(container: StartedTestContainer, options: PartsOptions): Promise<void> {
  await container.copyContentToContainer([configOf(options)])
  const { container: engine } = await runtime()
  await engine.dockerode.getContainer(container.getId()).kill({ signal: 'SIGHUP' })
}

function configOf(options: PartsOptions): { content: string; target: string } {
  const content = `listen: "0.0.0.0:4222"\njetstream { store_dir: "/data" }\n${options.natsConfig()}`
  return { content, target: NATS_CONFIG }
}

async function launchNats(options: PartsOptions, port: number): Promise<StartedTestContainer> {
  const { GenericContainer, Wait } = await import('testcontainers')
  const image = await imageOf('nats')
  return new GenericContainer(image)
    .withCopyContentToContainer([configOf(options)])
    .withCommand(['-c', NATS_CONFIG])
    .withExposedPorts({ container: 4222, host: port })
    .withWaitStrategy(Wait.forLogMessage(/Server is ready/))
    .start()
}

function control(url: string, of: StartedTestContainer | (() => StartedTestContainer)): ControlledPart {
  const container = () => (typeof of === 'function' ? of() : of)
  return {
    url,
    // The process lives in another process namespace: nobody here may signal it by number.
    pid: 0,
    kill: async () => {
      const engine = (await runtime()).container.dockerode.getContainer(container().getId())
      await engine.kill()
      await engine.start()
    },
    stop: async () => void (await container().stop()),
    whileStopped: () =>
      Promise.reject(new Error('a part in a container cannot be stopped for a while: use native parts')),
  }
}

function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const late = new Promise<never>((_resolve, reject) => {
    setTimeout(() => reject(new Error(`nothing after ${milliseconds} ms`)), milliseconds).unref()
  })
  return Promise.race([work, late])
}
