// Where a text stops being JSON. The engine's messages quote what they found, which may be somebody's name: of them only a
// position is told, and only in the form that no quoted text can have.

/** What is wrong with a text that JSON.parse refuses: that it ends too early, else the line and column (from 1). */
export function jsonFaultOf(text: string): string {
  const place = faultAt(text)
  if (place >= text.length) return 'it ends too early'
  const before = text.slice(0, place)
  return `at line ${before.split('\n').length}, column ${place - before.lastIndexOf('\n')}`
}

// For an unexpected token the message holds no position. Then it is the last character of the shortest beginning that is
// refused in this way, for what is shorter ends before it.
function faultAt(text: string): number {
  const told = toldPosition(text)
  if (told !== undefined) return told
  let [endsBefore, holds] = [0, text.length]
  while (holds - endsBefore > 1) {
    const middle = (endsBefore + holds) >>> 1
    if (toldPosition(text.slice(0, middle)) === undefined) holds = middle
    else endsBefore = middle
  }
  return endsBefore
}

// Messages that quote the text end with "is not valid JSON", whatever the text is.
const WITH_POSITION = /in JSON at position (\d+)(?: \(line \d+ column \d+\))?$/

/** Where the engine says that the fault is; the text's end where it says that more was expected, or finds no fault. */
function toldPosition(text: string): number | undefined {
  try {
    JSON.parse(text)
    return text.length
  } catch (error) {
    const { message } = error as SyntaxError
    if (message === 'Unexpected end of JSON input') return text.length
    const position = WITH_POSITION.exec(message)?.[1]
    return position === undefined ? undefined : Number(position)
  }
}
