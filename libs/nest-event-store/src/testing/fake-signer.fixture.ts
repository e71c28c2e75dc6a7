// A signer's memory of tombstones for tests: it can be away, and lose what it was told. The real one is part of
// apps/ledger-sequencer.
import { signerOf, type Tombstone } from '@careseal/contracts'
import { connectNats, respond, type NatsConnection, type Responder } from '@careseal/messaging'

export class FakeSigner {
  tombstones: Tombstone[] = []
  /** Keeps what it is told and dies before it answers, once. */
  diesBeforeAnswer = false
  private responders: Responder[] = []

  private constructor(
    private readonly nc: NatsConnection,
    private readonly service: string,
  ) {}

  static async start(natsUrl: string, service: string): Promise<FakeSigner> {
    const signer = new FakeSigner(await connectNats({ url: natsUrl, name: 'ledger-sequencer' }), service)
    await signer.comeBack()
    return signer
  }

  async comeBack(): Promise<void> {
    const name = signerOf(this.service)
    this.responders = [
      respond(this.nc, name, 'list-tombstones', ({ after, limit }) => {
        const tombstones = this.tombstones.slice(after, after + limit)
        const next = after + tombstones.length
        return { tombstones, next: next < this.tombstones.length ? next : null }
      }),
      respond(this.nc, name, 'add-tombstones', ({ tombstones }) => {
        const known = new Set(this.tombstones.map((one) => JSON.stringify(one)))
        this.tombstones.push(...tombstones.filter((one) => !known.has(JSON.stringify(one))))
        if (!this.diesBeforeAnswer) return {}
        this.diesBeforeAnswer = false
        throw new Error('died')
      }),
    ]
    await this.nc.flush()
  }

  async goAway(): Promise<void> {
    await Promise.all(this.responders.map((responder) => responder.stop()))
    await this.nc.flush()
  }

  async stop(): Promise<void> {
    await this.nc.close()
  }
}
