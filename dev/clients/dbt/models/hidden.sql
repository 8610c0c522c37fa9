{{ config(materialized='ephemeral') }}
select * from {{ source('demo', 'payroll') }}
