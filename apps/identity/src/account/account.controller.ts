import { CurrentCaller, Requires } from '@careseal/authz'
import { Role, type Caller } from '@careseal/contracts'
import { EventTransactions } from '@careseal/nest-event-store'
import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import type { FastifyReply } from 'fastify'
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Tx } from '@careseal/event-store'
import { IdempotentCommands, type KeyedRequest, type Made } from '../commands/idempotent-commands.service.js'
import { idOf } from '../commands/made.js'
import { GivenId } from '../commands/given-id.js'
import { Name } from '../commands/name.js'
import { DirectoryQuery } from '../directory/directory.query.js'
import { UuidPageQuery, type PageQuery } from '../directory/page-request.js'
import { AccountService } from './account.service.js'

const NewPractitioner = z.strictObject({ memberId: GivenId, practitionerId: GivenId.optional(), name: Name })
const NewPatientAccount = z.strictObject({ patientId: GivenId, name: Name })
const NewStaffAccount = z.strictObject({ role: Role.extract(['auditor', 'operator']), name: Name })

@Controller('auth')
@ApiTags('accounts')
@Requires({ roles: ['operator'], scope: 'careseal/admin' })
export class AccountController {
  constructor(
    private readonly commands: IdempotentCommands,
    private readonly transactions: EventTransactions,
    private readonly accounts: AccountService,
    private readonly directory: DirectoryQuery,
  ) {}

  @Post('practitioners')
  registerPractitioner(
    @CurrentCaller() caller: Caller,
    @Headers('idempotency-key') key: string | undefined,
    @Body({ schema: NewPractitioner }) body: z.infer<typeof NewPractitioner>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.open({ caller, key, route: 'practitioners', body }, reply, (tx, accountId) =>
      this.accounts.registerPractitioner(tx, { accountId, ...body }),
    )
  }

  @Get('practitioners')
  practitioners(@Query({ schema: UuidPageQuery }) page: PageQuery) {
    return this.directory.accounts(['practitioner'], page)
  }

  @Post('patients')
  openPatientAccount(
    @CurrentCaller() caller: Caller,
    @Headers('idempotency-key') key: string | undefined,
    @Body({ schema: NewPatientAccount }) body: z.infer<typeof NewPatientAccount>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.open({ caller, key, route: 'patients', body }, reply, (tx, accountId) =>
      this.accounts.openPatientAccount(tx, { accountId, ...body }),
    )
  }

  @Get('patients')
  patients(@Query({ schema: UuidPageQuery }) page: PageQuery) {
    return this.directory.accounts(['patient'], page)
  }

  @Post('staff')
  openStaffAccount(
    @CurrentCaller() caller: Caller,
    @Headers('idempotency-key') key: string | undefined,
    @Body({ schema: NewStaffAccount }) body: z.infer<typeof NewStaffAccount>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.open({ caller, key, route: 'staff', body }, reply, (tx, accountId) =>
      this.accounts.openStaffAccount(tx, { accountId, ...body }),
    )
  }

  @Get('staff')
  staff(@Query({ schema: UuidPageQuery }) page: PageQuery) {
    return this.directory.accounts(['auditor', 'operator'], page)
  }

  @Delete('accounts/:id')
  @HttpCode(204)
  async close(@CurrentCaller() caller: Caller, @Param('id', { schema: GivenId }) accountId: string): Promise<void> {
    const command = { accountId, actorId: caller.accountId }
    await this.transactions.runWithRetry((tx) => this.accounts.close(tx, command))
  }

  private async open(
    request: KeyedRequest,
    reply: FastifyReply,
    work: (tx: Tx, accountId: string) => Promise<Made>,
  ): Promise<{ accountId: string }> {
    const location = await this.commands.run(request, (tx) => work(tx, randomUUID()))
    void reply.header('location', location)
    return { accountId: idOf(location) }
  }
}
