/** The event is not of the kind that the function is for. */
export class EventError extends Error {
  override readonly name = 'EventError';
}
