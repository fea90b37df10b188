import { service } from "rusm";

let total = 0;

export default service({
  addUp(by: number): number {
    total += by;
    return total;
  },
});
