from django.contrib import admin

from consultations.models import CostBreakdown, Job, Patient, Procedure

admin.site.register([CostBreakdown, Job, Patient, Procedure])
