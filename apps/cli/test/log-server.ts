// For specs: a ledger that is files, over HTTP below /ledger as a sequencer has them.
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export type LogServer = { origin: string; close: () => void }

/** `answer` gets each path below /ledger, with its query; null is 404. */
export async function startLogServer(
  answer: (path: string) => Buffer | string | null | Promise<string>,
): Promise<LogServer> {
  const server = createServer((request, response) => {
    void Promise.resolve(answer((request.url ?? '').replace('/ledger/', ''))).then((body) =>
      body === null ? response.writeHead(404).end() : response.end(body),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, close: () => void server.close() }
}

export function fileIn(folder: string, path: string): Buffer | null {
  const file = join(folder, path)
  return existsSync(file) ? readFileSync(file) : null
}
