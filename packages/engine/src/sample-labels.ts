/** What the rows and series of a kind of request have in common. */
export interface SampleLabels {
  readonly scenario: string;
  readonly group: string;
  readonly name: string;
  readonly method: string;
  readonly status: number;
  readonly errorCode: number;
  readonly expected: boolean;
}
