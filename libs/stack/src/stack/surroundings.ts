// What the services of a stack are told of one another, of the parts and of their own files.
import { freePort } from '../parts/port.js'
import { clientKey, kmsKeyFile, ledgerOrigin, natsSeedFile, publicHalf } from './credentials.js'
import { consumersFile } from './consumers.js'
import type { DataDir } from './data-dir.js'
import { OPERATOR } from './logins.js'
import { signerOfPair, type PairPlaces } from './sequencer-pair.js'
import { SERVICE_NAMES, type ServiceName, type ServicePorts, type StackNetwork, type Surroundings } from './services.js'
import type { Parts } from './start-parts.js'

export async function servicePorts({ serviceHost }: StackNetwork): Promise<Record<ServiceName, ServicePorts>> {
  const ports = {} as Record<ServiceName, ServicePorts>
  for (const name of SERVICE_NAMES) {
    ports[name] = { host: serviceHost?.(name) ?? '127.0.0.1', port: await freePort(), metricsPort: await freePort() }
  }
  return ports
}

type Wanted = { dataDir: DataDir; network?: StackNetwork; witnesses?: number; demo?: boolean }

type Made = {
  ports: Record<ServiceName, ServicePorts>
  parts: Parts
  publicPort: number
  places: PairPlaces | null
  programs: string | undefined
}

/** Writes down the clients that identity begins with, too. */
export async function surroundingsOf(
  options: Wanted,
  { ports, parts, publicPort, places, programs }: Made,
): Promise<Surroundings> {
  const { dataDir } = options
  const jwk = publicHalf(await clientKey(dataDir, OPERATOR))
  const bootstrap = [{ clientId: OPERATOR, name: 'Operator of this ledger', role: 'operator', jwk }]
  dataDir.writeJson('bootstrap-clients.json', bootstrap)
  return {
    ports,
    programs,
    network: options.network ?? {},
    publicOrigin: `http://localhost:${publicPort}`,
    ledgerOrigin: ledgerOrigin(dataDir),
    natsUrl: parts.nats.url,
    databaseUrl: parts.databaseUrl,
    files: {
      kmsKey: (name) => kmsKeyFile(dataDir, name),
      natsSeed: (name) => natsSeedFile(dataDir, name),
      bootstrapClients: dataDir.path('bootstrap-clients.json'),
      signerState: dataDir.path('signer'),
      policy: (options.witnesses ?? 0) > 0 ? dataDir.path('policy.txt') : null,
      consumers: consumersFile(dataDir),
    },
    demo: options.demo ?? true,
    logLevel: 'info',
    pair: places ? { host: places.front.host, port: places.front.port, signer: signerOfPair(places) } : undefined,
  }
}
