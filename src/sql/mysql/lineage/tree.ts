/** What a value is computed from; not how, for lineage doesn't ask which operator stands there. */
export type Expression =
  | { readonly kind: 'constant' }
  | { readonly kind: 'parameter' }
  /** A variable, or a sequence's value. */
  | { readonly kind: 'unknown'; readonly what: string }
  /** One to three names: column, table.column, schema.table.column. */
  | { readonly kind: 'column'; readonly names: readonly string[] }
  | {
      readonly kind: 'call'
      /** One or two names. */
      readonly names: readonly string[]
      readonly args: readonly Expression[]
      /** What OVER names or holds. */
      readonly window: Expression | null
    }
  | { readonly kind: 'query'; readonly query: Query; readonly exists: boolean }
  | { readonly kind: 'is-null'; readonly value: Expression }
  | { readonly kind: 'mixed'; readonly parts: readonly Expression[] }
  /** OVER w: some window of the same SELECT. */
  | { readonly kind: 'named-window' }

export type SelectItem =
  /** The names in front of it: none, a table's, or a schema's and a table's. */
  | { readonly kind: 'star'; readonly names: readonly string[] }
  | { readonly kind: 'value'; readonly value: Expression; readonly alias: string | null }

export type From =
  | {
      readonly kind: 'table'
      readonly schema: string | null
      readonly name: string
      readonly alias: string | null
    }
  | {
      readonly kind: 'derived'
      readonly query: Query
      readonly alias: string
      readonly columns: readonly string[]
      readonly lateral: boolean
    }
  | {
      readonly kind: 'join'
      readonly left: From
      readonly right: From
      readonly side: 'inner' | 'left' | 'right'
      /** The columns that USING names; 'natural' for those that both sides have; null for none. */
      readonly shared: readonly string[] | 'natural' | null
    }

export interface Select {
  readonly kind: 'select'
  readonly items: readonly SelectItem[]
  /** Null where there is no FROM, or FROM DUAL. */
  readonly from: From | null
  /** What the windows of the clause WINDOW are made of. */
  readonly windows: readonly Expression[]
}

export type Branch =
  | Select
  | { readonly kind: 'values'; readonly rows: readonly (readonly Expression[])[] }
  | { readonly kind: 'query'; readonly query: Query }

export interface CommonQuery {
  readonly name: string
  readonly columns: readonly string[]
  readonly query: Query
}

export interface Query {
  readonly recursive: boolean
  readonly with: readonly CommonQuery[]
  /** Several where UNION, INTERSECT or EXCEPT stands between them. */
  readonly branches: readonly Branch[]
}
