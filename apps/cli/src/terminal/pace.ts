// How fast something goes, and how long it will take: over the last seconds, so that a slow start is soon forgotten.

export type Pace = { perSecond: number; secondsLeft: number | null }

const WINDOW_MS = 10_000
const SAMPLES_MAX = 200

export class PaceMeter {
  private readonly samples: { at: number; done: number }[] = []

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Notes how much is done. */
  take(done: number): void {
    const at = this.now()
    const last = this.samples.at(-1)
    // A sample every 50 ms does: who reports each of a million steps must not fill the memory.
    if (last && at - last.at < WINDOW_MS / SAMPLES_MAX && this.samples.length > 1) last.done = done
    else this.samples.push({ at, done })
    while (this.samples.length > 2 && at - this.samples[0]!.at > WINDOW_MS) this.samples.shift()
  }

  /** The pace; `secondsLeft` is null while nobody can know. */
  pace(total: number): Pace {
    const [first, last] = [this.samples[0], this.samples.at(-1)]
    const seconds = first ? (this.now() - first.at) / 1000 : 0
    const perSecond = first && last && seconds > 0 ? (last.done - first.done) / seconds : 0
    const left = total - (last?.done ?? 0)
    return { perSecond, secondsLeft: perSecond > 0 && left >= 0 && total > 0 ? left / perSecond : null }
  }
}

/** `12,345/s, 1 min 5 s left`; empty while nothing is known. */
export function paceText({ perSecond, secondsLeft }: Pace): string {
  if (perSecond <= 0) return ''
  const rate = `${perSecond >= 10 ? Math.round(perSecond).toLocaleString('en') : perSecond.toFixed(1)}/s`
  return secondsLeft === null ? rate : `${rate}, ${durationText(secondsLeft)} left`
}

function durationText(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
