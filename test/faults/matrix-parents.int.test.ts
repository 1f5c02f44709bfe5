import {testMatrix} from './matrix-test.ts';
import {COLUMNS} from './strategies.ts';

testMatrix(COLUMNS.slice(4, 6));
