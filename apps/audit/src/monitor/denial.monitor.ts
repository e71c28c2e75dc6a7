// Counts denials as they happen. A jump in the rate is somebody who tries doors; whose doors the metric does not say.
import { Controller } from '@nestjs/common'
import type { EventBody } from '@careseal/contracts'
import { OnEvent, type JetStreamContext } from '@careseal/nest-jetstream'
import { counter, gauge } from '@careseal/observability'

const MINUTE_MS = 60_000

const denials = counter({
  name: 'careseal_access_denials_total',
  help: 'denied access decisions',
  labels: ['reason', 'role', 'purpose'],
})

@Controller()
export class DenialMonitor {
  private recent: number[] = []

  constructor() {
    gauge({ name: 'careseal_access_denials_last_minute', help: 'denied access decisions of the last 60 s' }, (metric) =>
      metric.set(this.lastMinute(Date.now())),
    )
  }

  /** Delivered at least once: a repeated denial may count twice, which a monitor bears and a log would not. */
  @OnEvent('AccessDenied')
  onAccessDenied({ data, time }: EventBody<'AccessDenied'>, _context: JetStreamContext): Promise<void> | void {
    denials.inc({ reason: data.reason, role: data.role, purpose: data.purpose })
    this.recent.push(Date.parse(time))
  }

  /** Denials whose own time is within the last minute; an old event that is read late does not raise it. */
  lastMinute(nowMs: number): number {
    this.recent = this.recent.filter((timeMs) => nowMs - timeMs < MINUTE_MS)
    return this.recent.length
  }
}
