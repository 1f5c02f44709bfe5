import {startSimulator, type SimulatorOptions} from '../src/simulator/simulator.ts';

// The API stand-in as a process of its own, so that its work does not count as the service's. Ends with its parent.
const options = JSON.parse(process.argv[2] ?? '{}') as SimulatorOptions;
const simulator = await startSimulator(options);
process.on('disconnect', () => void simulator.close());
process.send?.({url: simulator.url, pat: simulator.pat, userId: simulator.userId, appId: simulator.appId});
