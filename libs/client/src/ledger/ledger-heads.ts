import { incarnationOf, producerOf, type EventType } from '@careseal/contracts'
import { httpClient, type HttpClientOptions } from '../http/http-client.js'

/**
 * How many events of the producers of these types, in every incarnation, are sealed on the ledger by now: what
 * `reached` of a consumer waits for. Rejects with HttpFailure.
 */
export async function ledgerHeads(
  options: HttpClientOptions,
  types: readonly EventType[],
): Promise<Record<string, number>> {
  const services = new Set<string>(types.map(producerOf))
  const { body } = await httpClient(options)('GET /ledger/producers', {})
  const own = body.producers.filter(({ producer }) => services.has(incarnationOf(producer).service))
  return Object.fromEntries(own.map(({ producer, lastSeq }) => [producer, lastSeq]))
}
