/** The ids of the last events, so that one which comes again is not handled again. Holds a bounded number. */
export class RecentIds {
  private former = new Set<string>()
  private latest = new Set<string>()

  constructor(private readonly max: number) {}

  has(id: string): boolean {
    return this.latest.has(id) || this.former.has(id)
  }

  add(id: string): void {
    this.latest.add(id)
    if (this.latest.size < this.max) return
    this.former = this.latest
    this.latest = new Set()
  }
}
