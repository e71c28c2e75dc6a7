// A service's database put back to an older moment beneath the running stack, and what mends it.
import type { Producer } from '@careseal/contracts'
import type { CaresealStack } from '@careseal/stack'
import { eventually } from '@careseal/testing'
import { Client } from 'pg'
import { caresealOk } from '../../support/careseal.js'
import { SchemaCopy, withRoleLockedOut } from './schema-copy.js'

export type RecoveryReport = {
  incarnation: string
  missing: number
  fromBroker: number
  lost: { producer: string; seq: number }[]
  counts: Record<string, number>
}

export class RolledBackProducer {
  constructor(
    private readonly stack: CaresealStack,
    readonly service: Producer,
  ) {}

  /** Puts tables and keys back, once all of it is sealed, to before `work`; resolves when the service says so. */
  async toBefore(work: () => Promise<unknown>): Promise<void> {
    await this.sealed()
    const restore = await this.takeCopy()
    await work()
    await this.sealed()
    await restore()
    await eventually(() => this.refuses(), { withinMs: 30_000 })
  }

  /** Resolves when the ledger has sealed and published, and the producer read, all that the service has committed. */
  async sealed(): Promise<void> {
    const check = async () => {
      if (!(await this.isSealed())) throw new Error(`${this.service} has events that are not sealed`)
    }
    await eventually(check, { withinMs: 60_000 })
  }

  /** By the command of the runbook; the service serves when it resolves. */
  async recover(): Promise<RecoveryReport> {
    const stdout = await this.ok('producer', 'recover', this.service, '--yes', '--json')
    await this.stack.untilReady()
    return JSON.parse(stdout) as RecoveryReport
  }

  async expectClean(): Promise<void> {
    await this.sealed()
    await this.ok('verify')
    await this.ok('fsck')
  }

  private async takeCopy(): Promise<() => Promise<void>> {
    const { service } = this
    const { postgres } = this.stack.state()
    const copies = [await SchemaCopy.take(postgres, service), await SchemaCopy.take(postgres, `${service}_keys`)]
    const putBack = async () => {
      for (const copy of copies) await copy.restore()
    }
    return () => withRoleLockedOut(postgres, service, putBack)
  }

  private ok(...args: string[]): Promise<string> {
    return caresealOk([...args, '--data-dir', this.stack.dataDir.root])
  }

  private async refuses(): Promise<void> {
    const response = await fetch(`${this.stack.services[this.service].url}/readyz`)
    const told = `${response.status} ${await response.text()}`
    if (!/503.*producer/.test(told)) throw new Error(`${this.service} does not refuse: ${told}`)
  }

  private async isSealed(): Promise<boolean> {
    const { service } = this
    const client = new Client({ connectionString: this.stack.state().postgres })
    await client.connect()
    try {
      const { rows } = await client.query<{ sealed: boolean }>(
        `SELECT NOT EXISTS (SELECT FROM ${service}.outbox) AND NOT EXISTS (
           SELECT FROM ${service}.relay_head h WHERE h.last_seq >
             (SELECT coalesce(max(from_seq + count - 1), 0) FROM ${service}.sealed s WHERE s.producer = h.producer)) AS sealed`,
      )
      return rows[0]!.sealed
    } finally {
      await client.end()
    }
  }
}
