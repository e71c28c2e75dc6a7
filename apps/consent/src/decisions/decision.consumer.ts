// Answers other services' questions about access. It answers only what is committed; anything that fails fails closed,
// since the asking service takes no answer for a denial.
import { Controller } from '@nestjs/common'
import type { CommandReply, COMMANDS } from '@careseal/contracts'
import { OnCommand } from '@careseal/nest-jetstream'
import type { z } from 'zod'
import { DecisionService, type Question } from './decision.service.js'
import { ReachablePatients } from './reachable-patients.query.js'

@Controller()
export class DecisionConsumer {
  constructor(
    private readonly decisions: DecisionService,
    private readonly reachable: ReachablePatients,
  ) {}

  @OnCommand('decide-access')
  async decideAccess(question: Question): Promise<CommandReply<'decide-access'>> {
    return { decisions: await this.decisions.decide(question) }
  }

  @OnCommand('reachable-patients')
  async reachablePatients({
    caller,
    purpose,
  }: z.output<(typeof COMMANDS)['reachable-patients']['request']>): Promise<CommandReply<'reachable-patients'>> {
    return this.reachable.list(caller, purpose)
  }
}
