import { CurrentCaller, Requires } from '@careseal/authz'
import { MemberKind, type Caller } from '@careseal/contracts'
import { Body, Controller, Get, Headers, Post, Query, Res } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import type { FastifyReply } from 'fastify'
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { idOf } from '../commands/made.js'
import { IdempotentCommands } from '../commands/idempotent-commands.service.js'
import { GivenId } from '../commands/given-id.js'
import { Name } from '../commands/name.js'
import { DirectoryQuery } from '../directory/directory.query.js'
import { UuidPageQuery, type PageQuery } from '../directory/page-request.js'
import { MemberService } from './member.service.js'

const NewMember = z.strictObject({ kind: MemberKind, name: Name, organizationId: GivenId.optional() })

@Controller('auth/members')
@ApiTags('members')
@Requires({ roles: ['operator'], scope: 'careseal/admin' })
export class MemberController {
  constructor(
    private readonly commands: IdempotentCommands,
    private readonly members: MemberService,
    private readonly directory: DirectoryQuery,
  ) {}

  @Post()
  async admit(
    @CurrentCaller() caller: Caller,
    @Headers('idempotency-key') key: string | undefined,
    @Body({ schema: NewMember }) body: z.infer<typeof NewMember>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const location = await this.commands.run({ caller, key, route: 'members', body }, (tx) =>
      this.members.admit(tx, { memberId: randomUUID(), ...body }),
    )
    void reply.header('location', location)
    return { memberId: idOf(location) }
  }

  @Get()
  list(@Query({ schema: UuidPageQuery }) page: PageQuery) {
    return this.directory.members(page)
  }
}
