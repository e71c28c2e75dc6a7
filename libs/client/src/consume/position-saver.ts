// Saves the position now and then while it moves, one save at a time; where the store fails, ever more rarely.
import type { Position } from '@careseal/event-envelope'
import type { PositionStore } from './position.js'

export type PositionSaverOptions = {
  store: PositionStore
  position: () => Position
  onTrouble: (error: unknown) => void
}

const PAUSE_MS = 500
const PAUSE_MS_MAX = 30_000

export class PositionSaver {
  private isMoved = false
  private saving: Promise<void> | null = null
  private failures = 0
  private notBefore = 0

  constructor(private readonly options: PositionSaverOptions) {}

  moved(): void {
    this.isMoved = true
  }

  /** Begins to save unless nothing has moved, a save is under way, or one failed a moment ago. */
  save(): void {
    if (!this.isMoved || this.saving !== null || performance.now() < this.notBefore) return
    this.saving = this.saveNow().finally(() => (this.saving = null))
  }

  /** Resolves when the last position is saved, or could not be. */
  async end(): Promise<void> {
    await this.saving
    if (this.isMoved) await this.saveNow()
  }

  private async saveNow(): Promise<void> {
    const { store, position, onTrouble } = this.options
    this.isMoved = false
    try {
      await store.save(position())
      this.failures = 0
    } catch (error) {
      this.isMoved = true
      this.notBefore = performance.now() + Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** this.failures++)
      onTrouble(error)
    }
  }
}
