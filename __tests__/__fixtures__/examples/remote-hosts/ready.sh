(4 lines as usual)
while live=$(ask config); [ "$live" != c18d06aa8e00f377 ]; do
(11 lines as usual)
