import type { EventBody } from '@careseal/client'
import { JetStreamContext, OnEvent } from '@careseal/nest-jetstream'
import { Controller } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { project, type Place } from './standing-consents.projection.js'

/** What the broker brings. A handler that rejects gets its event again; an event that was applied is let through. */
@Controller()
export class ConsentEvents {
  constructor(private readonly database: DataSource) {}

  @OnEvent('ConsentGranted')
  onGranted(event: EventBody<'ConsentGranted'>, context: JetStreamContext): Promise<void> {
    return project(this.database, event, placeOf(context))
  }

  @OnEvent('ConsentRevoked')
  onRevoked(event: EventBody<'ConsentRevoked'>, context: JetStreamContext): Promise<void> {
    return project(this.database, event, placeOf(context))
  }
}

function placeOf({ producer, ledgerSeq, ledgerLink }: JetStreamContext): Place {
  return { producer, seq: ledgerSeq, link: ledgerLink }
}
