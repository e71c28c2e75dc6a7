// Answers other services' questions about access. It answers only what is committed; anything that fails fails closed,
// since the asking service takes no answer for a denial.
import { Controller } from '@nestjs/common'
import type { CommandName, CommandReply, COMMANDS } from '@careseal/contracts'
import { OnCommand, type CommandRpcContext } from '@careseal/nest-jetstream'
import type { z } from 'zod'
import { DecisionService, type Question } from './decision.service.js'
import { ReachablePatients } from './reachable-patients.query.js'

type Reach = z.output<(typeof COMMANDS)['reachable-patients']['request']>
type Answer<C extends CommandName> = Promise<CommandReply<C>> | CommandReply<C>

@Controller()
export class DecisionConsumer {
  constructor(
    private readonly decisions: DecisionService,
    private readonly reachable: ReachablePatients,
  ) {}

  @OnCommand('decide-access')
  decideAccess(question: Question, _context: CommandRpcContext): Answer<'decide-access'> {
    return this.decisions.decide(question).then((decisions) => ({ decisions }))
  }

  @OnCommand('reachable-patients')
  reachablePatients({ caller, purpose }: Reach, _context: CommandRpcContext): Answer<'reachable-patients'> {
    return this.reachable.list(caller, purpose)
  }
}
