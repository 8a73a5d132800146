(4 lines as usual)
while live=$(ask config); [ "$live" != 0f682365d428aaf3 ]; do
(11 lines as usual)
