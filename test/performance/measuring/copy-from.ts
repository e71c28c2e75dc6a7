// COPY … FROM STDIN in pg's own protocol, for the comparison alone: services never use it (a writer that is stopped
// inside COPY holds its locks past every timeout).
import { Query, type Client } from 'pg'

type CopyTarget = { sendCopyFromChunk(chunk: Buffer): void; endCopyFrom(): void }

/** Copies rows in text form, tab between columns, one line each. */
export async function copyFrom(client: Client, target: string, rows: readonly string[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const query = new Query(`COPY ${target} FROM STDIN`, (error: Error | undefined) =>
      error ? reject(error) : resolve(),
    )
    const handlers = {
      handleCopyInResponse(connection: CopyTarget): void {
        connection.sendCopyFromChunk(Buffer.from(`${rows.join('\n')}\n`))
        connection.endCopyFrom()
      },
    }
    client.query(Object.assign(query, handlers))
  })
}
