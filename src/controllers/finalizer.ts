// Holds a VirtualMachine until what was made for it is gone, or let go on purpose.
import { GROUP } from '../api/object.ts';

export const FINALIZER = `${GROUP}/virtual-machine`;
