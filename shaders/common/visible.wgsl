// import: common/frame
// import: common/grid
// The list `order` holds the rows drawn in this view, near to far, followed at index `rows.z` by
// their number and at `rows.z + 1` by a flag that is set when the step must not change anything
// (intersections exceeded capacity). Then the number reads zero, so kernels that walk the list
// need no test of their own.
