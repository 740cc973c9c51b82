/** What can be looked for in text that nobody has classified. */
export const DETECTIONS = ['api-key', 'private-key', 'token', 'card', 'national-id'] as const
export type Detection = (typeof DETECTIONS)[number]

/** A piece of a text that looks like one of them, from `start` to before `end`. */
export interface Finding {
  readonly kind: Detection
  readonly start: number
  readonly end: number
}

/** Looks through a text in a time that grows with its length and no faster. */
export type Finder = (text: string) => readonly Finding[]

/** Every match of patterns with the flag g, as a piece of one kind. */
export function matchesOf(
  text: string,
  patterns: readonly RegExp[],
  kind: Detection,
  holds: (match: string) => boolean = () => true,
): Finding[] {
  return patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)]
      .filter(([match]) => holds(match))
      .map(({ index, 0: match }) => ({ kind, start: index, end: index + match.length })),
  )
}
