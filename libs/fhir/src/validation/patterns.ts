// How the schema's patterns are run over what a caller sent: in linear time, and never deeper than the engine's stack.
import type { RegExpEngine } from 'ajv/dist/types/index.js'

/** R4: "Strings SHALL NOT exceed 1MB in size". Binary content alone may. Source: http://hl7.org/fhir/R4/datatypes.html#string */
export const TEXT_LENGTH_MAX = 1024 * 1024

// One class without groups, as tools/distil-validation.mjs writes it: it needs no stack however long the text is.
const BASE64_BINARY = String.raw`^[\s0-9a-zA-Z+/=]+$`

/** The engine for the schema: a longer text than R4 allows has no format, and is not looked at. */
export const boundedPatterns: RegExpEngine = Object.assign(
  (pattern: string, flags: string) => {
    const format = new RegExp(pattern, flags)
    const lengthMax = pattern === BASE64_BINARY ? Infinity : TEXT_LENGTH_MAX
    // Ajv tells engines apart by how they are written out.
    return { test: (text: string) => text.length <= lengthMax && format.test(text), toString: () => String(format) }
  },
  // Would name this function in code that is written to a file, which nothing here is.
  { code: 'boundedPatterns' },
)
