// NATS and Postgres in containers, for a stack that lives as long as a test. testcontainers is loaded only when asked
// for: nobody who runs the ledger natively needs it.
import type { StartedTestContainer } from 'testcontainers'
import { freePort } from '../parts/port.js'
import type { ControlledNats, ControlledPart, PartsOptions } from './parts.js'

/** The images, each replaceable by the environment, for machines that build their own. */
export function containerImages(): { nats: string; postgres: string } {
  return {
    nats: process.env['CARESEAL_NATS_IMAGE'] ?? 'nats:2.12',
    postgres: process.env['CARESEAL_POSTGRES_IMAGE'] ?? 'postgres:18',
  }
}

const REAPER_IMAGE = 'testcontainers/ryuk'
const PULL_DEADLINE_MS = 60_000

/** True when a container engine answers and both images are there or can be pulled. */
export async function areContainersAvailable(): Promise<boolean> {
  try {
    const { getContainerRuntimeClient, ImageName } = await import('testcontainers')
    const { image, container } = await getContainerRuntimeClient()
    const listed = await container.dockerode.listImages()
    letReaperBeAbsent(listed.flatMap(({ RepoTags }) => RepoTags ?? []))
    for (const name of Object.values(containerImages())) {
      const wanted = ImageName.fromString(name)
      if (await image.exists(wanted)) continue
      await within(PULL_DEADLINE_MS, image.pull(wanted))
    }
    return true
  } catch {
    return false
  }
}

// Where images are built and none can be pulled, the reaper's is missing, and without this nothing would start.
function letReaperBeAbsent(images: string[]): void {
  if (images.some((name) => name.includes(REAPER_IMAGE))) return
  process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true'
}

export async function startContainerPostgres(options: PartsOptions): Promise<ControlledPart> {
  const { GenericContainer, Wait } = await import('testcontainers')
  const port = await freePort()
  const flags = ['max_connections=300', ...(options.durable ? [] : ['fsync=off', 'synchronous_commit=off'])]
  const container = await new GenericContainer(containerImages().postgres)
    .withEnvironment({ POSTGRES_PASSWORD: options.superuserPassword })
    .withCommand(['postgres', ...flags.flatMap((flag) => ['-c', flag])])
    .withExposedPorts({ container: 5432, host: port })
    // The entry point starts the server once for itself and once for others.
    .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/, 2))
    .start()
  const password = encodeURIComponent(options.superuserPassword)
  return control(`postgres://postgres:${password}@127.0.0.1:${port}/postgres`, container)
}

export async function startContainerNats(options: PartsOptions): Promise<ControlledNats> {
  const port = await freePort()
  let container = await launchNats(options, port)
  const part = control(`nats://127.0.0.1:${port}`, () => container)
  const wipe = async () => {
    await container.stop({ timeout: 0 })
    container = await launchNats(options, port)
  }
  return Object.assign(part, { wipe })
}

async function launchNats(options: PartsOptions, port: number): Promise<StartedTestContainer> {
  const { GenericContainer, Wait } = await import('testcontainers')
  const content = `listen: "0.0.0.0:4222"\njetstream { store_dir: "/data" }\n${options.natsConfig}`
  return new GenericContainer(containerImages().nats)
    .withCopyContentToContainer([{ content, target: '/careseal-nats.conf' }])
    .withCommand(['-c', '/careseal-nats.conf'])
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
      const { getContainerRuntimeClient } = await import('testcontainers')
      const engine = (await getContainerRuntimeClient()).container.dockerode.getContainer(container().getId())
      await engine.kill()
      await engine.start()
    },
    stop: async () => void (await container().stop()),
  }
}

function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const late = new Promise<never>((_resolve, reject) => {
    setTimeout(() => reject(new Error(`nothing after ${milliseconds} ms`)), milliseconds).unref()
  })
  return Promise.race([work, late])
}
