// Which consents stand, from the events alone. The change and the position are one transaction: whenever the process
// dies, both happened or neither did.
import type { EventOf, Position } from '@careseal/client'
import type { DataSource, EntityManager } from 'typeorm'
import { AppliedEvent, ENTITIES, ReadingPosition, StandingConsent } from './read-model.entities.js'

export const TYPES = ['ConsentGranted', 'ConsentRevoked'] as const

export type ConsentEvent = EventOf<(typeof TYPES)[number]>

/** Where an event stands in its producer's chain. */
export type Place = { producer: string; seq: number; link: string }

/** Applies an event and moves the position. An event that was applied before changes nothing. */
export async function project(database: DataSource, event: ConsentEvent, place: Place): Promise<void> {
  await database.transaction(async (manager) => {
    if (!(await isNew(manager, event.id))) return
    await apply(manager, event)
    const { producer, seq, link } = place
    await manager.upsert(ReadingPosition, { producer, seq, link }, ['producer'])
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

// The primary key decides, also between two processes that apply the same event at once.
async function isNew(manager: EntityManager, id: string): Promise<boolean> {
  const insert = manager.createQueryBuilder().insert().into(AppliedEvent).values({ id }).orIgnore().returning('id')
  const { raw } = await insert.execute()
  return (raw as unknown[]).length > 0
}

async function apply(manager: EntityManager, event: ConsentEvent): Promise<void> {
  const { consentId, patientId, versionId } = event.data
  if (event.type === 'ConsentRevoked') return void (await manager.delete(StandingConsent, { consentId }))
  const { effect } = event.data
  await manager.upsert(StandingConsent, { consentId, patientId, versionId, effect }, ['consentId'])
}
