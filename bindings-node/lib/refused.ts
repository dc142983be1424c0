/** Thrown by your functions to say no: the user declined, the token is no good. Its message says why, for people. */
export class Refused extends Error {
  override get name(): string {
    return 'Refused'
  }
}
