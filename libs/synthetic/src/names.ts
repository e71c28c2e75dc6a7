// Names made of syllables, marked as samples: nobody bears them.
import type { SeededRandom } from './random.js'

const SYLLABLES = ['ba', 'bo', 'du', 'fi', 'ga', 'ki', 'lo', 'mu', 'na', 'pe', 'ru', 'so', 'ta', 'vi', 'wo', 'zu']

/** A name such as `Muzuka Probe-Tavilo`. */
export function syntheticName(random: SeededRandom): { given: string; family: string } {
  return { given: word(random), family: `Probe-${word(random)}` }
}

/** A place or an institution such as `Sample Clinic Lokiba`. */
export function syntheticPlace(random: SeededRandom): string {
  return word(random)
}

function word(random: SeededRandom): string {
  const syllables = Array.from({ length: random.integer(2, 4) }, () => random.pick(SYLLABLES)).join('')
  return syllables.charAt(0).toUpperCase() + syllables.slice(1)
}
