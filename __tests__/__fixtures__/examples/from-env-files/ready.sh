(4 lines as usual)
while live=$(ask config); [ "$live" != c39503352cce59e1 ]; do
(11 lines as usual)
