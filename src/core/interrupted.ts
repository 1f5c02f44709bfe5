/** Why everything stops: the process was told to end. */
export class Interrupted extends Error {
  readonly signalName: 'SIGINT' | 'SIGTERM';

  constructor(signalName: 'SIGINT' | 'SIGTERM') {
    super(`ended by ${signalName}`);
    this.signalName = signalName;
  }
}
