// What happens to one made-up person, before it becomes FHIR: who they are, what they have, when they are seen.
import { ACUTE_CONDITIONS, CHRONIC_CONDITIONS, VACCINES, VISITS, type ChronicCondition, type Coding } from './codes.js'
import { syntheticName, syntheticPlace } from './names.js'
import type { SeededRandom } from './random.js'

const YEAR_MS = 365.25 * 24 * 3600 * 1000
const DAY_MS = 24 * 3600 * 1000

export type Person = {
  given: string
  family: string
  gender: 'female' | 'male'
  birthDate: string
  city: string
  heightCm: number
  weightKg: number
}

/** A visit: why, when (milliseconds since 1970, UTC) and what was found, prescribed and given there. */
export type Visit = {
  kind: keyof typeof VISITS
  startMs: number
  minutes: number
  /** Illnesses found at this visit, with the medication begun for them. */
  found: { coding: Coding; medication: Coding; chronic: boolean }[]
  /** Lasting illnesses known by then, this visit's included. */
  known: ChronicCondition[]
  vaccines: Coding[]
  withBloodCount: boolean
}

export type Course = { person: Person; visits: Visit[] }

export type CourseOptions = { endMs: number; years: number }

/** A person's course over the `years` before `endMs`, in order of time. */
export function courseOf(random: SeededRandom, options: CourseOptions): Course {
  const age = random.integer(3, 88)
  const person = personOf(random, options.endMs - age * YEAR_MS - random.integer(0, 364) * DAY_MS, age)
  const pending = random.shuffle(CHRONIC_CONDITIONS.filter((one) => age >= one.fromAge && random.chance(one.share)))
  const known: ChronicCondition[] = []
  const visits = visitTimes(random, options).map(({ kind, startMs }, index) => {
    const next = kind === 'acute' ? undefined : pending.pop()
    if (next) known.push(next)
    return {
      kind,
      startMs,
      minutes: random.integer(2, 9) * 5,
      found: [...(next ? [{ ...next, chronic: true }] : []), ...acuteFinding(random, kind)],
      known: [...known],
      vaccines: kind === 'checkUp' ? dueVaccines(Math.floor(index / 3), age) : [],
      withBloodCount: kind === 'checkUp' || random.chance(0.3),
    }
  })
  return { person, visits }
}

function personOf(random: SeededRandom, bornMs: number, age: number): Person {
  const grown = Math.min(1, 0.45 + age / 30)
  const heightCm = Math.round(random.integer(152, 192) * grown)
  return {
    ...syntheticName(random),
    gender: random.pick(['female', 'male']),
    birthDate: new Date(bornMs).toISOString().slice(0, 10),
    city: `Sample ${syntheticPlace(random)}`,
    heightCm,
    weightKg: Math.round(random.decimal(19, 31, 1) * (heightCm / 100) ** 2),
  }
}

// A year has a check-up and two other visits, at times that do not repeat from year to year.
function visitTimes(random: SeededRandom, { endMs, years }: CourseOptions) {
  const times: { kind: Visit['kind']; startMs: number }[] = []
  for (let year = years; year > 0; year--) {
    const begin = endMs - year * YEAR_MS
    const kinds = ['checkUp', 'followUp', random.chance(0.5) ? 'acute' : 'followUp'] as const
    kinds.forEach((kind, third) => {
      const day = third * 121 + random.integer(0, 110)
      times.push({ kind, startMs: atOfficeHour(random, begin + day * DAY_MS) })
    })
  }
  return times
}

function atOfficeHour(random: SeededRandom, ms: number): number {
  return Math.floor(ms / DAY_MS) * DAY_MS + random.integer(8 * 60, 16 * 60) * 60_000
}

function acuteFinding(random: SeededRandom, kind: Visit['kind']): Visit['found'] {
  return kind === 'acute' ? [{ ...random.pick(ACUTE_CONDITIONS), chronic: false }] : []
}

function dueVaccines(year: number, age: number): Coding[] {
  return VACCINES.filter((one) => age >= one.fromAge && year % one.everyYears === 0).map((one) => one.coding)
}
