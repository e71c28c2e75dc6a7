import { Public } from '@careseal/authz'
import { encodeAdmin, type Admin } from '@careseal/ledger-core'
import { HttpProblem } from '@careseal/service-kit'
import { Body, Controller, Post } from '@nestjs/common'
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { SequencerService } from '../sequencer.service.js'
import type { AdminOutcome } from './admin-desk.js'

const text = z.string().min(1).max(1_000)

/** A policy is a file of some lines. */
const POLICY_CHARACTERS_MAX = 20_000
const value = z.union([z.string().max(POLICY_CHARACTERS_MAX), z.int().nonnegative(), z.null()])

const AdminEntry = z.strictObject({
  index: z.int().nonnegative(),
  type: text,
  data: z.record(text, value),
  approvals: z.array(z.strictObject({ operator: text, signature: text })).max(16),
})

type Refusal = Extract<AdminOutcome, { refused: string }>['refused']

const DETAILS: Record<Refusal, string> = {
  'index-passed': 'The ledger has grown past the index that was approved; the next one is held for a moment.',
  'index-ahead': 'The ledger has not come to the index that was approved; approve it for the next one.',
  'not-approved': 'It lacks the valid signatures of two operators of the genesis over this index, type and data.',
  'another-waits': 'Another entry waits for its turn; try again.',
  'type-not-accepted': 'Accepted are producer-admitted, key-added, key-retired and policy-changed.',
  'not-in-order': 'The entry does not follow from those before it.',
  'key-not-held': 'The signer holds no such key; make it first: careseal keys rotate log.',
  'not-an-admission': 'The data must be exactly {name, firstLink, follows}, with the first link of the name.',
  'already-admitted': 'A producer of this name is admitted already.',
  'not-the-next-incarnation': 'The name must bear the number after the newest incarnation, which it must follow.',
}

/** What passes by itself, or with another index. */
const LATE = new Set<Refusal>(['index-passed', 'index-ahead', 'another-waits'])

/** Public, for what it takes is signed: an entry without two operators' approvals changes and delays nothing. */
@ApiTags('governance')
@Public()
@Controller('ledger')
export class AdminEntriesController {
  constructor(private readonly sequencer: SequencerService) {}

  @Post('admin-entries')
  @ApiOperation({ summary: 'Appends an administration entry that two operators approved for its index' })
  @ApiResponse({ status: 201, description: 'its index, and the height of its block' })
  @ApiResponse({ status: 409, description: 'the ledger has grown past the index; the next one is held for a moment' })
  @ApiResponse({ status: 422, description: 'not approved, or against a rule' })
  async submit(@Body({ schema: AdminEntry }) { index, ...admin }: z.infer<typeof AdminEntry>) {
    requireEncodable(admin)
    const outcome = await this.sequencer.submit({ index, admin })
    if (outcome === null) throw new HttpProblem(503, 'not-sealing', 'This process does not seal yet; try again.')
    if ('appended' in outcome) return outcome.appended
    const { refused, ...held } = outcome
    const isLate = LATE.has(refused)
    const because = 'because' in outcome ? ` It is wrong that: ${outcome.because}.` : ''
    throw new HttpProblem(isLate ? 409 : 422, refused, `${DETAILS[refused]}${because}`, { members: held })
  }
}

function requireEncodable(admin: Admin): void {
  try {
    encodeAdmin(admin)
  } catch (error) {
    throw new HttpProblem(422, 'not-an-entry', 'It cannot be an entry of the ledger.', { cause: error })
  }
}
