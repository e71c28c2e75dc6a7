import { CurrentCaller, Requires } from '@careseal/authz'
import type { Caller } from '@careseal/contracts'
import { Body, Controller, Get, Headers, Post, Query, Res } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import type { FastifyReply } from 'fastify'
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { IdempotentCommands } from '../commands/idempotent-commands.service.js'
import { idOf } from '../commands/made.js'
import { GivenId } from '../commands/given-id.js'
import { Name } from '../commands/name.js'
import { DirectoryQuery } from '../directory/directory.query.js'
import { PageQuery } from '../directory/page-request.js'
import { ClientService } from './client.service.js'
import { PublicKey } from './public-key.js'

/** A login of an account, or a system of a member. */
const NewClient = z.union([
  z.strictObject({ accountId: GivenId, name: Name, jwk: PublicKey }),
  z.strictObject({ memberId: GivenId, name: Name, jwk: PublicKey }),
])
type NewClient = z.infer<typeof NewClient>

@Controller('auth/clients')
@ApiTags('clients')
@Requires({ roles: ['operator'], scope: 'careseal/admin' })
export class ClientController {
  constructor(
    private readonly commands: IdempotentCommands,
    private readonly clients: ClientService,
    private readonly directory: DirectoryQuery,
  ) {}

  @Post()
  async register(
    @CurrentCaller() caller: Caller,
    @Headers('idempotency-key') key: string | undefined,
    @Body({ schema: NewClient }) body: NewClient,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const clientId = randomUUID()
    const request = { caller, key, route: 'clients', body }
    const location = await this.commands.run(request, (tx) =>
      'accountId' in body
        ? this.clients.registerLogin(tx, { clientId, ...body })
        : this.clients.registerSystem(tx, { clientId, accountId: clientId, ...body }),
    )
    void reply.header('location', location)
    const made = idOf(location)
    return { clientId: made, accountId: 'accountId' in body ? body.accountId : made }
  }

  @Get()
  list(@Query({ schema: PageQuery }) page: PageQuery) {
    return this.directory.clients(page)
  }
}
