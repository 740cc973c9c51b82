/** The fixed text of an error that could have quoted a value. */
export function withheld(text: string): string {
  return `${text} (details withheld: the statement touches classified data)`
}
