import{init_util_inspect,inspect,util_inspect_default}from"./shared.YPIRUJ6U.js";import"./shared.7AVFRYEY.js";init_util_inspect();export{util_inspect_default as default,inspect};
