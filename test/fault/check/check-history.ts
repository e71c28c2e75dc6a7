// Compares what clients were told with what is there. Naive on purpose, and apart from the code that it judges.
import type { Entry } from '../load/history.js'
import { neverRefusedWhileGranted, neverShownWithoutGrant, noForeignAccess } from './checks/access.js'
import { onlyAllowedAnswers } from './checks/answers.js'
import { eachDisclosureIsRecorded } from './checks/disclosures.js'
import { seenIsFinal, seenNeverGoesBack } from './checks/ledger-seen.js'
import { versionsInOrder } from './checks/order.js'
import { publishedBearsQuorum, witnessesHoldTheLedger } from './checks/witnessed.js'
import { acknowledgedIsSealed, nothingUntold, oneKeyOneEffect } from './checks/writes.js'
import type { Facts } from './facts.js'
import type { CheckResult } from './result.js'

/** Compares one history of all writers on a ledger with facts that were read when nothing waited any more. */
export function checkHistory({ entries }: { entries: readonly Entry[] }, facts: Facts): CheckResult[] {
  const { witnessed } = facts
  return [
    onlyAllowedAnswers(entries),
    acknowledgedIsSealed(entries, facts),
    oneKeyOneEffect(entries, facts),
    nothingUntold(entries, facts),
    seenIsFinal(entries, facts),
    seenNeverGoesBack(entries),
    versionsInOrder(entries, facts),
    neverShownWithoutGrant(entries),
    neverRefusedWhileGranted(entries),
    noForeignAccess(entries),
    eachDisclosureIsRecorded(entries, facts),
    ...(witnessed ? [publishedBearsQuorum(entries, witnessed), witnessesHoldTheLedger(facts, witnessed)] : []),
  ]
}
