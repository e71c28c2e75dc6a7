// Which consents stand, from the events alone. The change and the position are one transaction: whenever the process
// dies, both happened or neither did.
import { incarnationOf, type EventOf, type Position } from '@careseal/client'
import type { DataSource, EntityManager } from 'typeorm'
import { ENTITIES, ReadingPosition, StandingConsent } from './read-model.entities.js'

export const TYPES = ['ConsentGranted', 'ConsentRevoked'] as const

export type ConsentEvent = EventOf<(typeof TYPES)[number]>

/** Where an event stands in its producer's chain. */
export type Place = { producer: string; seq: number; link: string }

/** Applies the next event and moves the position to it. An event that was applied before changes nothing. */
export async function project(database: DataSource, event: ConsentEvent, place: Place): Promise<void> {
  await database.transaction(async (manager) => {
    if (await moves(manager, place)) await apply(manager, event, place)
  })
}

/** How far the read model has come; empty before the first event. */
export async function positionOf(database: DataSource): Promise<Position> {
  const places = await database.getRepository(ReadingPosition).find()
  return Object.fromEntries(places.map(({ producer, seq, link }) => [producer, { seq, link }]))
}

/** Forgets everything, the position included, so that the next start reads from the very first event on. */
export async function emptyReadModel(database: DataSource): Promise<void> {
  await database.transaction(async (manager) => {
    for (const entity of ENTITIES) await manager.createQueryBuilder().delete().from(entity).execute()
  })
}

// The row decides, also between two processes that apply the same event at once.
async function moves(manager: EntityManager, { producer, seq, link }: Place): Promise<boolean> {
  const later = { overwriteCondition: { where: 'reading_position.seq < EXCLUDED.seq' } }
  const insert = manager.createQueryBuilder().insert().into(ReadingPosition).values({ producer, seq, link })
  const { raw } = await insert.orUpdate(['seq', 'link'], ['producer'], later).returning('seq').execute()
  return (raw as unknown[]).length > 0
}

// Incarnations of a producer come side by side, and an older one that comes later has nothing to say any more.
async function apply(manager: EntityManager, event: ConsentEvent, { producer, seq }: Place): Promise<void> {
  const { consentId, patientId, versionId } = event.data
  const effect = event.type === 'ConsentRevoked' ? null : event.data.effect
  const row = { consentId, patientId, versionId, effect, incarnation: incarnationOf(producer).number, seq }
  const where = '(standing_consent.incarnation, standing_consent.seq) < (EXCLUDED.incarnation, EXCLUDED.seq)'
  const insert = manager.createQueryBuilder().insert().into(StandingConsent).values(row)
  const said = ['patientId', 'versionId', 'effect', 'incarnation', 'seq']
  await insert.orUpdate(said, ['consentId'], { overwriteCondition: { where } }).execute()
}
