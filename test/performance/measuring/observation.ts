// What is looked at while a benchmark measures: CPU time, memory and, when asked for, profiles of all processes.
import { ProcessMeter, type ProcessUse, type Roots } from './processes.js'
import { profilesOf, toggleProfiles, type ProfiledProcess } from './profile.js'

export type Observed = { processes: ProcessUse[]; profile?: ProfiledProcess[] }

export class Observation {
  private readonly roots: Roots
  private readonly profileDir: string | null
  private readonly meter: ProcessMeter

  /** Begins at once. */
  constructor(context: { profileDir: string | null }, roots: Roots) {
    this.roots = roots
    this.profileDir = context.profileDir
    if (this.profileDir) toggleProfiles(this.profileDir, roots)
    this.meter = new ProcessMeter(roots)
  }

  /** Memory of one process over the time. */
  memoryOf(name: string): [seconds: number, mebibytes: number][] {
    return this.meter.memoryOf(name)
  }

  async stop(): Promise<Observed> {
    const processes = this.meter.stop()
    if (!this.profileDir) return { processes }
    toggleProfiles(this.profileDir, this.roots)
    return { processes, profile: await profilesOf(this.profileDir, this.roots) }
  }
}
