// One SVG a result, made by hand so that it needs no library: its series as lines, or measures beside the bare
// operations as bars. Readable on light and on dark pages.
import type { Comparison, Measure, Result, Series } from '../result.js'
import { grouped } from './tables.js'

const WIDTH = 760
const LEFT = 300
const BAR = 22
const GAP = 10
const PLOT = { left: 80, top: 50, width: 560, height: 220 }
const COLOURS = ['#2f7ed8', '#c4622d', '#3f9142', '#8a5cc2']

const STYLE = `<style>
text{font:13px sans-serif;fill:#333}.title{font-weight:bold}.grid{stroke:#9998}.note{font-size:11px}
@media(prefers-color-scheme:dark){text{fill:#ddd}}
</style>`

export function chartOf(result: Result): string {
  const [series] = result.series ?? []
  return series ? linesOf(result, result.series ?? []) : barsOf(result)
}

type Bar = { label: string; value: number; unit: string; colour: string }

function barsOf({ name, title, measures, comparisons }: Result): string {
  const first = measures[0]
  const rates = measures.filter(({ unit }) => unit.endsWith('/s'))
  const bars = [
    ...rates.flatMap((measure) => [barOf(measure, 0), ...targetBar(measure)]),
    ...comparisons.filter(({ measure }) => measure === first?.name).map((bare) => barOf(bare, 1)),
  ]
  const most = Math.max(...bars.map(({ value }) => value), 1)
  const rows = bars.map((bar, place) => rowOf(bar, { top: 40 + place * (BAR + GAP), most }))
  return svg({ label: `${name}: ${title}`, height: 50 + bars.length * (BAR + GAP) }, rows.join('\n'))
}

function barOf({ name, value, unit }: Measure | Comparison, colour: number): Bar {
  return { label: name, value, unit, colour: COLOURS[colour] as string }
}

function targetBar({ target, unit, name }: Measure): Bar[] {
  return target === undefined ? [] : [{ label: `target: ${name}`, value: target, unit, colour: '#999' }]
}

function rowOf({ label, value, unit, colour }: Bar, { top, most }: { top: number; most: number }): string {
  const width = Math.max(1, (value / most) * (WIDTH - LEFT - 130))
  const middle = top + BAR - 6
  return [
    `<text x="${LEFT - 8}" y="${middle}" text-anchor="end">${escaped(label)}</text>`,
    `<rect x="${LEFT}" y="${top}" width="${width.toFixed(1)}" height="${BAR}" fill="${colour}"/>`,
    `<text x="${(LEFT + width + 6).toFixed(1)}" y="${middle}">${grouped(value)} ${escaped(unit)}</text>`,
  ].join('')
}

function linesOf({ name, title }: Result, all: readonly Series[]): string {
  const points = all.flatMap((series) => series.points)
  const first = all[0] as Series
  const scale = first.isLog ? logScale(points.map(([x]) => x)) : linearScale(points.map(([x]) => x))
  const mostY = Math.max(...points.map(([, y]) => y)) * 1.1
  const place = ([x, y]: readonly [number, number]) =>
    `${(PLOT.left + scale.partOf(x) * PLOT.width).toFixed(1)},${(PLOT.top + PLOT.height * (1 - y / mostY)).toFixed(1)}`
  const lines = all.map((series, index) => lineOf(series, { index, place }))
  const label = `${name}: ${title}`
  return svg({ label, height: PLOT.top + PLOT.height + 60 }, [axesOf(first, scale, mostY), ...lines].join('\n'))
}

/** Values of x along the axis, whose parts go from 0 to 1. */
type Scale = { partOf: (x: number) => number; valueAt: (part: number) => number }

function linearScale(values: readonly number[]): Scale {
  const most = Math.max(...values)
  return { partOf: (x) => x / most, valueAt: (part) => most * part }
}

function logScale(values: readonly number[]): Scale {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const span = Math.log(most / least) || 1
  return { partOf: (x) => Math.log(x / least) / span, valueAt: (part) => least * Math.exp(span * part) }
}

type LinePlace = { index: number; place: (point: readonly [number, number]) => string }

function lineOf({ name, points }: Series, { index, place }: LinePlace): string {
  const colour = COLOURS[index % COLOURS.length] as string
  const y = PLOT.top + 14 * index
  return [
    `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map(place).join(' ')}"/>`,
    `<rect x="${PLOT.left + PLOT.width + 10}" y="${y - 8}" width="9" height="9" fill="${colour}"/>`,
    `<text class="note" x="${PLOT.left + PLOT.width + 23}" y="${y}">${escaped(name)}</text>`,
  ].join('')
}

function axesOf({ x, y }: Series, scale: Scale, mostY: number): string {
  const { left, top, width, height } = PLOT
  const steps = [0, 0.25, 0.5, 0.75, 1]
  const rows = steps.map((part) => {
    const at = top + height * (1 - part)
    return `<line class="grid" x1="${left}" x2="${left + width}" y1="${at}" y2="${at}"/><text class="note" x="${left - 6}" y="${at + 4}" text-anchor="end">${grouped(Number((mostY * part).toPrecision(3)))}</text>`
  })
  const columns = steps.map((part) => {
    const at = left + width * part
    return `<text class="note" x="${at}" y="${top + height + 18}" text-anchor="middle">${grouped(Number(scale.valueAt(part).toPrecision(3)))}</text>`
  })
  const names = `<text class="note" x="${left}" y="${top - 10}">${escaped(y)}</text><text class="note" x="${left + width}" y="${top + height + 36}" text-anchor="end">${escaped(x)}</text>`
  return [...rows, ...columns, names].join('\n')
}

function svg({ label, height }: { label: string; height: number }, content: string): string {
  const box = `width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`
  const head = `<svg xmlns="http://www.w3.org/2000/svg" ${box} role="img" aria-label="${escaped(label)}">`
  return [head, STYLE, `<text class="title" x="8" y="20">${escaped(label)}</text>`, content, '</svg>', ''].join('\n')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
