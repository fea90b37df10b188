import"./shared.7AVFRYEY.js";var constants_default={};export{constants_default as default};
